#include "server-fixture.h"

#include "proto/key.h"
#include "proto/varlink.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(containers, .init = fixture_setup, .fini = fixture_teardown, .timeout = 60);

static json_object *do_register(const char *id, pid_t pid)
{
        return fixture_call("Register", "\"root\":\"/r\",\"id\":\"%s\",\"bundle\":\"/b\",\"pid\":%d", id,
                            pid);
}

static void expect_call(const char *error, json_object *answer)
{
        cr_assert_str_eq(fixture_error(answer), error, "%s", json_object_to_json_string(answer));
        json_object_put(answer);
}

static void expect_count(const char *what, int64_t n)
{
        auto_json status = fixture_call("Status", "%s", "");

        cr_assert(fixture_int(status, what) == n, "%s", json_object_to_json_string(status));
}

Test(containers, register_get_unregister)
{
        pid_t pid = fixture_fork(true, fixture_ids);
        char key[KEY_SIZE];

        key_make("/r", "web", key);
        auto_json first = do_register("web", pid);
        auto_json again = do_register("web", pid);
        cr_assert_str_eq(fixture_text(first, "key"), key);
        cr_assert_str_eq(fixture_text(first, "fs"), "/run/test/fs");
        cr_assert(fixture_int(first, "serial") == 1);
        cr_assert(json_object_equal(first, again),
                  "the second of prestart and createRuntime changes nothing");
        cr_assert(strstr(fixture_text(first, "mounts"), "proc\\/meminfo"));
        cr_assert(fixture_has("containers", key));
        auto_json got = fixture_call("Get", "\"name\":\"web\"");
        g_autofree char *wanted = g_strdup_printf("\"uid\": %u", fixture_ids);
        cr_assert(strstr(fixture_text(got, "container"), wanted), "%s", fixture_text(got, "container"));
        expect_call("WrongToken",
                    fixture_call("Unregister", "\"root\":\"/r\",\"id\":\"web\",\"token\":\"x\""));
        expect_call("WrongToken",
                    fixture_call("Unregister", "\"root\":\"/r\",\"id\":\"web\",\"token\":null"));
        expect_call("WrongToken", fixture_call("Unregister", "\"root\":\"/r\",\"id\":\"web\""));
        expect_call("", fixture_call("Unregister", "\"root\":\"/r\",\"id\":\"web\",\"token\":\"%s\"",
                                     fixture_text(first, "token")));
        cr_assert(!fixture_has("containers", key));
        expect_call("", fixture_call("Unregister", "\"root\":\"/r\",\"id\":\"web\""));
        expect_call("NoSuchContainer", fixture_call("Get", "\"name\":\"web\""));
        fixture_kill(pid);
}

Test(containers, one_incarnation_at_a_time)
{
        pid_t first = fixture_fork(true, fixture_ids), second = fixture_fork(true, fixture_ids);

        expect_call("", do_register("web", first));
        expect_call("AlreadyExists", do_register("web", second));
        fixture_kill(first);
        auto_json answer = do_register("web", second);
        cr_assert(fixture_int(answer, "serial") == 2, "a serial is never used again");
        expect_call("", fixture_call("Unregister", "\"root\":\"/r\",\"id\":\"web\",\"token\":\"%s\"",
                                     fixture_text(answer, "token")));
        expect_call("NoSuchProcess", do_register("web", first));
        fixture_kill(second);
}

/* Two engines may use one id. */
Test(containers, names)
{
        pid_t pid = fixture_fork(true, fixture_ids);

        expect_call("", do_register("website", pid));
        expect_call("", do_register("webshop", pid));
        expect_call("", fixture_call("Register",
                                     "\"root\":\"/q\",\"id\":\"website\",\"bundle\":\"\",\"pid\":%d", pid));
        auto_json same = fixture_call("Get", "\"name\":\"website\"");
        cr_assert_str_eq(fixture_error(same), "AmbiguousName");
        cr_assert(strstr(fixture_text(same, "candidates"), " website"));
        expect_call("AmbiguousName", fixture_call("Get", "\"name\":\"webs\""));
        expect_call("", fixture_call("Get", "\"name\":\"websh\""));
        expect_call("NoSuchContainer", fixture_call("Get", "\"name\":\"web\""));
        expect_count("containers", 3);
        fixture_kill(pid);
}

Test(containers, sysctls)
{
        pid_t pid = fixture_fork(true, fixture_ids);

        expect_call("InvalidSysctl", fixture_call("Register",
                                                  "\"root\":\"/r\",\"id\":\"a\",\"bundle\":\"\",\"pid\":%d,"
                                                  "\"sysctl\":{\"vm.swappiness\":\"1000\"}",
                                                  pid));
        expect_count("containers", 0);
        expect_call("", fixture_call("Register",
                                     "\"root\":\"/r\",\"id\":\"a\",\"bundle\":\"\",\"pid\":%d,"
                                     "\"sysctl\":{\"vm.swappiness\":\" 7\",\"kernel/panic\":\"5\"}",
                                     pid));
        auto_json text = fixture_call("Render", "\"name\":\"a\",\"path\":\"/proc/sys/vm/swappiness\"");
        cr_assert(fixture_error(text)[0] == '\0', "the name is shorter than four characters but whole");
        cr_assert_str_eq(fixture_text(text, "text"), "7\n");
        expect_call("",
                    fixture_call("SetSysctl", "\"name\":\"a\",\"sysctl\":\"vm/swappiness\",\"value\":\"9\""));
        expect_call("InvalidSysctl",
                    fixture_call("SetSysctl", "\"name\":\"a\",\"sysctl\":\"vm.swappiness\",\"value\":\"\""));
        expect_call(
                "InvalidSysctl",
                fixture_call("SetSysctl", "\"name\":\"a\",\"sysctl\":\"../../etc/passwd\",\"value\":\"1\""));
        expect_call(
                "InvalidSysctl",
                fixture_call("SetSysctl", "\"name\":\"a\",\"sysctl\":\"kernel.osrelease\",\"value\":\"1\""));
        fixture_restart();
        auto_json later = fixture_call("Render", "\"name\":\"a\",\"path\":\"proc/sys/vm/swappiness\"");
        cr_assert_str_eq(fixture_text(later, "text"), "9\n", "saved");
        fixture_kill(pid);
}

Test(containers, render_errors)
{
        pid_t pid = fixture_fork(true, fixture_ids);

        expect_call("", do_register("a", pid));
        auto_json none = fixture_call("Render", "\"name\":\"a\",\"path\":\"proc/kcore\"");
        cr_assert_str_eq(fixture_error(none), "SystemError");
        cr_assert(fixture_int(none, "errno") == ENOENT);
        auto_json folder = fixture_call("Render", "\"name\":\"a\",\"path\":\"proc\"");
        cr_assert(fixture_int(folder, "errno") == EISDIR);
        auto_json above = fixture_call("Render", "\"name\":\"a\",\"path\":\"proc/sys/../../etc/passwd\"");
        cr_assert_str_eq(fixture_error(above), "SystemError");
        fixture_kill(pid);
}

/* The state of a container with every nasty thing in its names. */
Test(containers, restart_keeps_serial_token_and_names)
{
        static const char id[] = "../\\n[x]\\\"\\u0001\\u00e9=";
        pid_t pid = fixture_fork(true, fixture_ids), other = fixture_fork(true, fixture_ids);

        expect_call("", do_register("ended", other));
        auto_json before = do_register(id, pid);
        cr_assert(fixture_int(before, "serial") == 2);
        fixture_stop();
        fixture_kill(other);
        fixture_start();
        expect_count("containers", 1);
        auto_json after = do_register(id, pid);
        cr_assert(json_object_equal(before, after), "%s", json_object_to_json_string(after));
        auto_json next = do_register("next", pid);
        cr_assert(fixture_int(next, "serial") == 3);
        fixture_kill(pid);
}

Test(containers, serials_outlive_their_containers)
{
        pid_t pid = fixture_fork(true, fixture_ids);
        auto_json answer = do_register("a", pid);

        expect_call("", fixture_call("Unregister", "\"root\":\"/r\",\"id\":\"a\",\"token\":\"%s\"",
                                     fixture_text(answer, "token")));
        fixture_restart();
        auto_json again = do_register("a", pid);
        cr_assert(fixture_int(again, "serial") == 2);
        fixture_kill(pid);
}

static void put_file(const char *folder, const char *name, const char *text)
{
        g_autofree char *path = g_build_filename(fixture_folder, folder, name, NULL);

        cr_assert(g_file_set_contents(path, text, -1, NULL));
}

/* Files of others in the state folder neither stop the server nor are they believed. */
Test(containers, foreign_state)
{
        pid_t pid = fixture_fork(true, fixture_ids);
        g_autofree char *path = g_build_filename(fixture_folder, "containers", "4c1b6b40c8ce5c68", NULL);
        g_autofree char *text = NULL;

        expect_call("", do_register("c1", pid));
        fixture_stop();
        cr_assert(g_file_get_contents(path, &text, NULL, NULL));
        put_file("containers", "0000000000000000", text);
        put_file("containers", "junk", "\x7f\x45\x4c\x46");
        put_file("containers", "4c1b6b40c8ce5c68.17.new", "[contai");
        put_file("leases", "x", "");
        put_file("", "serial", "[server]\nversion=1\nserial=77\n");
        fixture_start();
        expect_count("containers", 1);
        auto_json next = do_register("c2", pid);
        cr_assert(fixture_int(next, "serial") == 78);
        cr_assert(!fixture_has("containers", "4c1b6b40c8ce5c68.17.new"));
        fixture_kill(pid);
}

/* Nobody unregisters: the record goes when the last process of the user namespace is gone. */
Test(containers, orphan)
{
        char key[KEY_SIZE];
        pid_t pid = fixture_fork(true, fixture_ids);

        key_make("/r", "a", key);
        expect_call("", do_register("a", pid));
        fixture_kill(pid);
        cr_assert(fixture_has("containers", key), "kept for the runtime to report it");
        cr_assert(fixture_await("containers", key, false));
        expect_call("NoSuchContainer", fixture_call("Get", "\"name\":\"a\""));
}

Test(containers, save_from_any_thread)
{
        pid_t pid = fixture_fork(true, fixture_ids);
        gboolean ambiguous;

        expect_call("", do_register("a", pid));
        autoptr(container) container = registry_find_name(fixture_registry, "a", &ambiguous);
        g_autofree char *path = g_build_filename(fixture_folder, "containers", container->key, NULL);
        g_autofree char *text = NULL, *later = NULL;
        sysctl_store_set(container->sysctls, "vm/swappiness", "21");
        cr_assert(ctl_save_container(fixture_ctl, container) == 0);
        cr_assert(g_file_get_contents(path, &text, NULL, NULL) && strstr(text, "vm/swappiness=\"21\""));
        sysctl_store_set(container->sysctls, "vm/swappiness", "22");
        ctl_container_changed(fixture_ctl, container);
        ctl_container_changed(fixture_ctl, container);
        g_usleep(100000);
        cr_assert(g_file_get_contents(path, &later, NULL, NULL) && strstr(later, "vm/swappiness=\"22\""));
        auto_json list = fixture_call("Get", "\"name\":\"a\"");
        expect_call("", fixture_call("Unregister", "\"root\":\"/r\",\"id\":\"b\""));
        fixture_kill(pid);
        expect_call("", fixture_call("Unregister", "\"root\":\"/r\",\"id\":\"a\""));
        cr_assert(ctl_save_container(fixture_ctl, container) == 0);
        cr_assert(!fixture_has("containers", container->key), "an ended container does not come back");
}
