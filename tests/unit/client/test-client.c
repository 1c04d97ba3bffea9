#include "client/cloister.h"

#include "base/fd.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A server that answers each call with the next of its texts; NULL hangs up, "" says nothing. */
static struct server {
        char *folder, *path;
        int fd;
        const char *const *texts;
        GString *calls; /* all that clients sent */
        GThread *thread;
} server;

static void serve_connection(int fd)
{
        char byte;

        while (recv(fd, &byte, 1, 0) == 1) {
                g_string_append_c(server.calls, byte);
                if (byte != '\0')
                        continue;
                const char *text = *server.texts ? *server.texts++ : NULL;
                if (!text)
                        return;
                if (*text && send(fd, text, strlen(text) + 1, MSG_NOSIGNAL) < 0)
                        return;
        }
}

static void *serve(void *data)
{
        for (;;) {
                autofd int fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
                if (fd < 0)
                        return NULL;
                serve_connection(fd);
        }
}

static void setup(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        server.folder = g_dir_make_tmp("cloister-test-XXXXXX", NULL);
        server.path = g_build_filename(server.folder, "sock", NULL);
        server.calls = g_string_new(NULL);
        server.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_strlcpy(address.sun_path, server.path, sizeof(address.sun_path));
        cr_assert(bind(server.fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                  listen(server.fd, 5) == 0);
}

static void teardown(void)
{
        shutdown(server.fd, SHUT_RDWR);
        if (server.thread)
                g_thread_join(server.thread);
        close(server.fd);
        g_unlink(server.path);
        g_rmdir(server.folder);
        g_string_free(server.calls, TRUE);
        g_free(server.folder);
        g_free(server.path);
}

TestSuite(client, .init = setup, .fini = teardown, .timeout = 30);

static struct cloister *start(const char *const *texts)
{
        struct cloister *cloister = NULL;
        g_autoptr(GError) error = NULL;

        server.texts = texts;
        server.thread = g_thread_new("server", serve, NULL);
        cr_assert(cloister_connect(server.path, &cloister, &error) == 0, "%s", error ? error->message : "");
        return cloister;
}

static void expect_failure(const char *const *texts, int r, const char *message)
{
        struct cloister *cloister = start(texts);
        g_autoptr(GError) error = NULL;
        char *answer = NULL;
        int got = cloister_call(cloister, "List", NULL, &answer, &error);

        cr_assert(got == r, "%d: %s", got, error ? error->message : "");
        cr_assert(error && error->code == -r && strstr(error->message, message), "%s",
                  error ? error->message : "");
        cr_assert(answer == NULL);
        cloister_disconnect(cloister);
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(client, call)
{
        struct cloister *cloister = start(TEXTS("{\"parameters\":{\"a\":\"/\"}}", "{}"));
        g_autofree char *answer = NULL, *empty = NULL;

        cr_assert(cloister_call(cloister, "List", NULL, &answer, NULL) == 0);
        cr_assert_str_eq(answer, "{\"a\":\"/\"}");
        cr_assert(cloister_call(cloister, "org.varlink.service.GetInfo", "{\"x\":1}", &empty, NULL) == 0);
        cr_assert_str_eq(empty, "{}");
        cloister_disconnect(cloister);
        static const char sent[] = "{\"method\":\"io.cloister.Containers.List\",\"parameters\":{}}\0"
                                   "{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":{\"x\":1}}";
        cr_assert(server.calls->len == sizeof(sent) && memcmp(server.calls->str, sent, sizeof(sent)) == 0);
}

Test(client, errors)
{
        expect_failure(TEXTS("{\"error\":\"io.cloister.Containers.NoSuchContainer\",\"parameters\":{\"name\":"
                             "\"web\"}}"),
                       -ENOENT, "no container web is registered; `cloisterctl list`");
}

Test(client, system_error)
{
        expect_failure(TEXTS("{\"error\":\"io.cloister.Containers.SystemError\","
                             "\"parameters\":{\"errno\":28,\"message\":\"full\"}}"),
                       -ENOSPC, "full");
}

Test(client, senseless_errno)
{
        expect_failure(
                TEXTS("{\"error\":\"io.cloister.Containers.SystemError\",\"parameters\":{\"errno\":-5}}"),
                -EREMOTEIO, "?");
}

Test(client, ambiguous)
{
        expect_failure(TEXTS("{\"error\":\"io.cloister.Containers.AmbiguousName\","
                             "\"parameters\":{\"name\":\"w\",\"candidates\":[\"1 web\",\"2 web\"]}}"),
                       -ENOTUNIQ, "use the key of one: 1 web, 2 web");
}

Test(client, unknown_error)
{
        expect_failure(TEXTS("{\"error\":\"a.b.C\",\"parameters\":{\"x\":1}}"), -EREMOTEIO,
                       "a.b.C {\"x\":1}");
}

Test(client, no_cloisterd)
{
        expect_failure(TEXTS("hello"), -EBADMSG, "is no cloisterd");
}

Test(client, hang_ups)
{
        expect_failure(TEXTS(NULL), -ECONNRESET, "ended while it worked on List");
}

Test(client, silence)
{
        expect_failure(TEXTS(""), -ETIMEDOUT, "did not answer List within 10 seconds");
}

/* Hung up on twice, the call fails; the handle is good for the next one all the same. */
Test(client, restarted_server)
{
        static const char *const later[] = {"{\"parameters\":{}}", NULL};
        struct cloister *cloister = start(TEXTS(NULL));
        g_autofree char *answer = NULL;
        g_autoptr(GError) error = NULL;

        cr_assert(cloister_call(cloister, "List", NULL, &answer, &error) == -ECONNRESET);
        server.texts = later;
        cr_assert(cloister_call(cloister, "List", NULL, &answer, NULL) == 0);
        cloister_disconnect(cloister);
}

Test(client, connect_failures)
{
        g_autofree char *none = g_build_filename(server.folder, "none", NULL);
        g_autofree char *name = g_strnfill(200, 'x');
        g_autoptr(GError) error = NULL;
        struct cloister *cloister = NULL;

        cr_assert(cloister_connect(none, &cloister, &error) == -ENOENT && strstr(error->message, "start it"));
        g_clear_error(&error);
        cr_assert(cloister_connect(name, &cloister, &error) == -ENAMETOOLONG && error);
        g_clear_error(&error);
        g_setenv("CLOISTER_CONTROL", none, TRUE);
        cr_assert(cloister_connect(NULL, &cloister, &error) == -ENOENT && strstr(error->message, none));
        cr_assert(cloister == NULL);
        cloister_disconnect(NULL);
}

Test(client, bad_parameters)
{
        struct cloister *cloister = start(TEXTS("{}"));
        g_autofree char *huge = g_strnfill(70000, 'x'), *answer = NULL;
        g_autoptr(GError) error = NULL;

        cr_assert(cloister_call(cloister, "List", "[]", &answer, &error) == -EINVAL);
        g_clear_error(&error);
        cr_assert(cloister_release_ids(cloister, "/r", huge, &error) == -EFBIG);
        g_clear_error(&error);
        cr_assert(cloister_release_ids(cloister, "/r", "\xff", &error) == -EINVAL &&
                  strstr(error->message, "UTF-8"));
        cr_assert(server.calls->len == 0);
        cloister_disconnect(cloister);
}

Test(client, registration)
{
        struct cloister *cloister = start(
                TEXTS("{\"parameters\":{\"key\":\"k\",\"token\":\"t\",\"serial\":1,\"fs\":\"/fs\","
                      "\"mounts\":[{\"connection\":\"views\",\"path\":\"proc/stat\",\"new\":1}],"
                      "\"kernelMounts\":[\"proc/sys/net\"],\"later\":{}}}"));
        static const char *const sysctls[] = {"vm.swappiness", "1", NULL};
        struct cloister_registration *got = NULL;

        cr_assert(cloister_register(cloister, "/r", "web", "/b", 12, sysctls, &got, NULL) == 0);
        cr_assert_str_eq(got->key, "k");
        cr_assert_str_eq(got->fs, "/fs");
        cr_assert(got->n_mounts == 1);
        cr_assert_str_eq(got->mounts[0].connection, "views");
        cr_assert_str_eq(got->mounts[0].path, "proc/stat");
        cr_assert_str_eq(got->kernel_mounts[0], "proc/sys/net");
        cr_assert(got->kernel_mounts[1] == NULL);
        cloister_registration_free(got);
        cr_assert(strstr(server.calls->str, "\"pid\":12,\"sysctl\":{\"vm.swappiness\":\"1\"}"), "%s",
                  server.calls->str);
        cloister_disconnect(cloister);
}

Test(client, senseless_registrations)
{
        static const char *const texts[] = {
                "{\"parameters\":{}}",
                "{\"parameters\":{\"key\":1,\"token\":\"\",\"fs\":\"\",\"mounts\":[],\"kernelMounts\":[]}}",
                "{\"parameters\":{\"key\":\"\",\"token\":\"\",\"fs\":\"\",\"mounts\":[1],\"kernelMounts\":[]}"
                "}",
                "{\"parameters\":{\"key\":\"\",\"token\":\"\",\"fs\":\"\",\"mounts\":[{}],\"kernelMounts\":[]"
                "}}",
                "{\"parameters\":{\"key\":\"\",\"token\":\"\",\"fs\":\"\",\"mounts\":[],\"kernelMounts\":["
                "null]}}",
                NULL};
        struct cloister *cloister = start(texts);
        struct cloister_registration *got = NULL;

        for (size_t i = 0; texts[i]; i++) {
                g_autoptr(GError) error = NULL;
                cr_assert(cloister_register(cloister, "", "", "", 1, NULL, &got, &error) == -EBADMSG &&
                          error);
                cr_assert(got == NULL);
        }
        cloister_disconnect(cloister);
}

Test(client, lease)
{
        struct cloister *cloister = start(TEXTS("{\"parameters\":{\"start\":4294901760,\"size\":65536}}",
                                                "{\"parameters\":{\"start\":4294967296,\"size\":65536}}"));
        uint32_t begin = 0;
        g_autoptr(GError) error = NULL;

        cr_assert(cloister_lease_ids(cloister, "/r", "web", 1, 65536, &begin, NULL) == 0 &&
                  begin == 4294901760);
        cr_assert(cloister_lease_ids(cloister, "/r", "web", 1, 65536, &begin, &error) == -EBADMSG && error);
        cloister_disconnect(cloister);
}
