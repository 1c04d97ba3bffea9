#include "server-fixture.h"

#include "proto/varlink.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

TestSuite(leases, .init = fixture_setup, .fini = fixture_teardown, .timeout = 60);

static json_object *lease(const char *id, pid_t pid)
{
        return fixture_call("LeaseIds", "\"root\":\"/r\",\"id\":\"%s\",\"pid\":%d,\"size\":65536", id, pid);
}

static void expect_start(const char *id, pid_t pid, unsigned block)
{
        auto_json answer = lease(id, pid);

        cr_assert_str_eq(fixture_error(answer), "", "%s", json_object_to_json_string(answer));
        cr_assert(fixture_int(answer, "start") == fixture_ids + block * INT64_C(65536));
        cr_assert(fixture_int(answer, "size") == 65536);
}

static void expect_error(const char *error, json_object *answer)
{
        cr_assert_str_eq(fixture_error(answer), error, "%s", json_object_to_json_string(answer));
        json_object_put(answer);
}

static void release(const char *id)
{
        expect_error("", fixture_call("ReleaseIds", "\"root\":\"/r\",\"id\":\"%s\"", id));
}

Test(leases, exclusive)
{
        pid_t other = fixture_fork(false, 0);

        expect_start("a", getpid(), 0);
        expect_start("b", getpid(), 1);
        expect_start("a", getpid(), 0);
        auto_json refused = lease("a", other);
        cr_assert_str_eq(fixture_error(refused), "AlreadyLeased");
        cr_assert(fixture_int(refused, "start") == fixture_ids);
        release("a");
        release("a");
        expect_start("c", getpid(), 0);
        expect_start("d", getpid(), 2);
        expect_start("e", getpid(), 3);
        auto_json none = lease("f", getpid());
        cr_assert_str_eq(fixture_error(none), "NoFreeIds");
        cr_assert(strstr(fixture_text(none, "message"), "/etc/subuid"));
        fixture_kill(other);
        expect_error("NoSuchProcess", lease("f", other));
}

/* The wrapper is gone and its container never began. */
Test(leases, dead_holder)
{
        pid_t holder = fixture_fork(false, 0);

        expect_start("a", holder, 0);
        cr_assert(fixture_has("leases", fixture_ids_text));
        fixture_kill(holder);
        expect_start("a", getpid(), 0);
        release("a");
        cr_assert(!fixture_has("leases", fixture_ids_text));
}

Test(leases, dead_holder_is_swept)
{
        pid_t holder = fixture_fork(false, 0);

        expect_start("a", holder, 0);
        fixture_kill(holder);
        cr_assert(fixture_await("leases", fixture_ids_text, false));
}

/* Ids that living processes use are not given to anybody else, whoever asks. */
Test(leases, used_ids_stay)
{
        pid_t holder = fixture_fork(false, 0);

        expect_start("a", holder, 0);
        pid_t user = fixture_fork(true, fixture_ids);
        fixture_kill(holder);
        expect_start("a", getpid(), 1);
        release("a");
        fixture_restart();
        expect_start("b", getpid(), 1);
        cr_assert(fixture_has("leases", fixture_ids_text));
        fixture_kill(user);
        expect_start("c", getpid(), 2);
        expect_start("d", getpid(), 3);
        expect_start("e", getpid(), 0);
}

Test(leases, pass_to_the_container)
{
        pid_t wrapper = fixture_fork(false, 0);

        expect_start("a", wrapper, 0);
        pid_t init = fixture_fork(true, fixture_ids);
        auto_json answer = fixture_call("Register", "\"root\":\"/r\",\"id\":\"a\",\"bundle\":\"\",\"pid\":%d",
                                        init);
        fixture_kill(wrapper);
        expect_error("AlreadyLeased", lease("a", getpid()));
        auto_json got = fixture_call("Get", "\"name\":\"a\"");
        g_autofree char *wanted = g_strdup_printf("\"rangeStart\": %u", fixture_ids);
        cr_assert(strstr(fixture_text(got, "container"), wanted));
        fixture_restart();
        expect_error("AlreadyLeased", lease("a", getpid()));
        fixture_kill(init);
        expect_error("", fixture_call("Unregister", "\"root\":\"/r\",\"id\":\"a\",\"token\":\"%s\"",
                                      fixture_text(answer, "token")));
        cr_assert(!fixture_has("leases", fixture_ids_text), "leased ids go with the container");
        expect_start("b", getpid(), 0);
}

/* The old incarnation's late end does not take the new one's ids. */
Test(leases, late_unregister)
{
        pid_t init = fixture_fork(true, fixture_ids);

        expect_start("a", init, 0);
        auto_json answer = fixture_call("Register", "\"root\":\"/r\",\"id\":\"a\",\"bundle\":\"\",\"pid\":%d",
                                        init);
        fixture_kill(init);
        expect_start("a", getpid(), 0);
        expect_error("", fixture_call("Unregister", "\"root\":\"/r\",\"id\":\"a\",\"token\":\"%s\"",
                                      fixture_text(answer, "token")));
        cr_assert(fixture_has("leases", fixture_ids_text));
        expect_start("b", getpid(), 1);
}

/* A lease whose file cannot be read is still one. */
Test(leases, torn_file)
{
        pid_t user = fixture_fork(true, fixture_ids);
        g_autofree char *path = g_build_filename(fixture_folder, "leases", fixture_ids_text, NULL);

        expect_start("a", user, 0);
        fixture_stop();
        cr_assert(g_file_set_contents(path, "[lease]\nversion=1\nke", -1, NULL));
        fixture_start();
        expect_start("b", getpid(), 1);
        fixture_kill(user);
        fixture_restart();
        expect_start("c", getpid(), 0);
}
