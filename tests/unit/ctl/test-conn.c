#include "server-fixture.h"

#include "base/fd.h"
#include "proto/varlink.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(conn, .init = fixture_setup, .fini = fixture_teardown, .timeout = 60);

#define STATUS "{\"method\":\"io.cloister.Containers.Status\"}"
#define INFO "{\"method\":\"org.varlink.service.GetInfo\"}"

static void expect_served(void)
{
        auto_json status = fixture_call("Status", "%s", "");

        cr_assert_str_eq(fixture_error(status), "");
}

static void expect_hang_up(const char *text, size_t len)
{
        autofd int fd = fixture_connect();

        fixture_send(fd, text, len);
        g_autofree char *answer = fixture_receive(fd);
        cr_assert(answer == NULL, "%s", answer);
        expect_served();
}

Test(conn, status)
{
        auto_json status = fixture_call("Status", "%s", "");

        cr_assert(fixture_int(status, "serverPid") == getpid() && fixture_int(status, "keeperPid") == 1);
        cr_assert(fixture_int(status, "restarts") == 3 && fixture_int(status, "leases") == 0);
        cr_assert(strstr(fixture_text(status, "connections"), "\"handles\": 5"));
        cr_assert(strstr(fixture_text(status, "ranges"), fixture_ids_text));
        cr_assert(strstr(fixture_text(status, "warnings"), "beware"));
}

Test(conn, introspection)
{
        auto_json info = fixture_call("org.varlink.service.GetInfo", "%s", "");
        auto_json text = fixture_call("org.varlink.service.GetInterfaceDescription",
                                      "\"interface\":\"io.cloister.Containers\"");
        auto_json none = fixture_call("org.varlink.service.GetInterfaceDescription", "\"interface\":\"a.b\"");

        cr_assert_str_eq(fixture_text(info, "product"), "cloisterd");
        cr_assert_str_eq(fixture_text(text, "description"), proto_interface_text());
        cr_assert_str_eq(fixture_error(none), "InterfaceNotFound");
}

Test(conn, unknown)
{
        auto_json method = fixture_call("Destroy", "%s", "");
        auto_json interface = fixture_call("io.cloister.Containers.x.List", "%s", "");
        auto_json none = fixture_call("a.List", "%s", "");
        auto_json more = fixture_call("List", "\"x\":1");

        cr_assert_str_eq(fixture_error(method), "MethodNotFound");
        cr_assert_str_eq(fixture_text(method, "method"), "io.cloister.Containers.Destroy");
        cr_assert_str_eq(fixture_error(interface), "InterfaceNotFound");
        cr_assert_str_eq(fixture_text(interface, "interface"), "io.cloister.Containers.x");
        cr_assert_str_eq(fixture_error(none), "InterfaceNotFound");
        cr_assert_str_eq(fixture_error(more), "InvalidParameter");
        cr_assert_str_eq(fixture_text(more, "parameter"), "x");
}

Test(conn, bad_parameters)
{
        g_autofree char *long_id = g_strnfill(1025, 'x');
        auto_json no_id = fixture_call("ReleaseIds", "\"root\":\"/r\"");
        auto_json too_long = fixture_call("ReleaseIds", "\"root\":\"/r\",\"id\":\"%s\"", long_id);
        auto_json pid = fixture_call("LeaseIds", "\"root\":\"\",\"id\":\"a\",\"pid\":-1,\"size\":65536");
        auto_json size = fixture_call("LeaseIds", "\"root\":\"\",\"id\":\"a\",\"pid\":1,\"size\":0");

        cr_assert_str_eq(fixture_text(no_id, "parameter"), "id");
        cr_assert_str_eq(fixture_text(too_long, "parameter"), "id");
        cr_assert_str_eq(fixture_text(pid, "parameter"), "pid");
        cr_assert_str_eq(fixture_text(size, "parameter"), "size");
}

Test(conn, several_in_one_packet)
{
        autofd int fd = fixture_connect();

        fixture_send(fd, STATUS "\0" INFO "\0" STATUS, sizeof(STATUS) + sizeof(INFO) + sizeof(STATUS));
        g_autofree char *first = fixture_receive(fd), *second = fixture_receive(fd),
                        *third = fixture_receive(fd);
        cr_assert(strstr(first, "serverPid") && strstr(second, "vendor") && strstr(third, "serverPid"),
                  "in order");
}

Test(conn, byte_by_byte)
{
        autofd int fd = fixture_connect();

        for (size_t i = 0; i < sizeof(STATUS); i++) {
                fixture_send(fd, STATUS + i, 1);
                g_usleep(500);
        }
        g_autofree char *answer = fixture_receive(fd);
        cr_assert(strstr(answer, "serverPid"));
}

Test(conn, oneway)
{
        static const char text[] = "{\"method\":\"org.varlink.service.GetInfo\",\"oneway\":true}\0" STATUS;
        autofd int fd = fixture_connect();

        fixture_send(fd, text, sizeof(text));
        g_autofree char *answer = fixture_receive(fd);
        cr_assert(strstr(answer, "serverPid"), "only the second call has an answer");
}

Test(conn, senseless_bytes)
{
        g_autofree char *huge = g_strnfill(PROTO_REQUEST_MAX + 2, '{');
        g_autofree char *endless = g_strnfill(4 * 1024 * 1024, ' ');

        expect_hang_up("", 1);
        expect_hang_up("hello", 6);
        expect_hang_up("{}", 3);
        expect_hang_up("GET / HTTP/1.1\r\n\r\n\0", 19);
        expect_hang_up(huge, PROTO_REQUEST_MAX + 2);
        expect_hang_up(endless, 4 * 1024 * 1024);
}

/* A client that never reads its answers is read no further, and nobody waits for it. */
Test(conn, deaf_client)
{
        autofd int fd = fixture_connect();
        g_autoptr(GString) text = g_string_new(NULL);

        for (int i = 0; i < 20000; i++)
                g_string_append_len(text, INFO, sizeof(INFO));
        gint64 start = g_get_monotonic_time();
        while (send(fd, text->str, text->len, MSG_DONTWAIT | MSG_NOSIGNAL) > 0 &&
               g_get_monotonic_time() - start < 5 * G_USEC_PER_SEC)
                ;
        for (int i = 0; i < 20; i++)
                expect_served();
}

/* More silent clients than there are places: the next one is served all the same. */
Test(conn, silent_clients)
{
        int fds[100];

        for (int i = 0; i < 100; i++) {
                fds[i] = fixture_connect();
                fixture_send(fds[i], "{", i % 2);
        }
        expect_served();
        for (int i = 0; i < 100; i++)
                close(fds[i]);
        expect_served();
}

Test(conn, hang_ups)
{
        for (int i = 0; i < 500; i++) {
                autofd int fd = fixture_connect();
                if (i % 3)
                        fixture_send(fd, STATUS, sizeof(STATUS) - (size_t)(i % 2));
        }
        expect_served();
}

/* Connects in a child and returns its exit status: 0 if it was refused with PermissionDenied. */
static int try_child(int flags, uid_t uid)
{
        int status;
        pid_t child = fork();

        if (child == 0) {
                if (unshare(flags) < 0)
                        _exit(2);
                pid_t inner = fork(); /* a PID namespace is the children's */
                if (inner > 0) {
                        waitpid(inner, &status, 0);
                        _exit(WEXITSTATUS(status));
                }
                if (uid && (setgid(uid) < 0 || setuid(uid) < 0))
                        _exit(3);
                int fd = fixture_connect();
                fixture_send(fd, STATUS, sizeof(STATUS));
                char *answer = fixture_receive(fd);
                _exit(!answer ? 4 : strstr(answer, ".PermissionDenied") ? 0 : 5);
        }
        cr_assert(waitpid(child, &status, 0) == child && WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* The socket's mode keeps most of these out already; here it is open to all, as by a mount into a container.
 */
Test(conn, peers)
{
        cr_assert(chmod(fixture_folder, 0777) == 0 && chmod(fixture_socket, 0777) == 0);
        cr_assert(try_child(0, 0) == 5, "root on the host is served");
        cr_assert(try_child(0, 1234) == 0);
        cr_assert(try_child(CLONE_NEWUSER, 0) == 0);
        cr_assert(try_child(CLONE_NEWPID, 0) == 0);
        cr_assert(try_child(CLONE_NEWNS, 0) == 5, "another mount namespace is no reason");
}
