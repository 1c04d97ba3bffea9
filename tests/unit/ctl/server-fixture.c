#include "server-fixture.h"

#include "base/fd.h"
#include "base/file.h"
#include "host/host.h"
#include "proto/varlink.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

uint32_t fixture_ids;
char fixture_ids_text[16];
char *fixture_folder, *fixture_socket;
struct ctl *fixture_ctl;
struct registry *fixture_registry;

static struct host *host;
static struct registry_serials serials;
static GMainContext *context;
static GMainLoop *loop;
static GThread *thread;
static int listen_fd, state_dirfd;
static struct ids_range ranges[1];

static void *run(void *data)
{
        g_main_loop_run(loop);
        return NULL;
}

static size_t list_connections(struct ctl_connection *ret, size_t max, void *data)
{
        ret[0] = (struct ctl_connection){"views", "/mnt/views", 38, 5};
        return 1;
}

void fixture_start(void)
{
        static const char *const warnings[] = {"beware", NULL};
        struct ctl_config config = {.listen_fd = listen_fd,
                                    .state_dirfd = state_dirfd,
                                    .serials = &serials,
                                    .host = host,
                                    .fs_dir = "/run/test/fs",
                                    .keeper = 1,
                                    .restarts = 3,
                                    .ranges = ranges,
                                    .n_ranges = 1,
                                    .warnings = warnings,
                                    .list_connections = list_connections};

        serials = (struct registry_serials){0};
        fixture_registry = config.registry = registry_new(&serials);
        context = config.context = g_main_context_new();
        loop = g_main_loop_new(context, FALSE);
        cr_assert(ctl_new(&config, &fixture_ctl) == 0);
        thread = g_thread_new("ctl", run, NULL);
}

void fixture_stop(void)
{
        g_main_loop_quit(loop);
        g_thread_join(thread);
        ctl_free(fixture_ctl);
        registry_free(fixture_registry);
        g_main_loop_unref(loop);
        g_main_context_unref(context);
}

void fixture_restart(void)
{
        fixture_stop();
        fixture_start();
}

void fixture_setup(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        autofd int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (geteuid() != 0)
                cr_skip_test("needs root");
        fixture_ids = 3000000000u + (uint32_t)getpid() % 4000 * FIXTURE_BLOCKS * 65536;
        g_snprintf(fixture_ids_text, sizeof(fixture_ids_text), "%u", fixture_ids);
        ranges[0] = (struct ids_range){fixture_ids, FIXTURE_BLOCKS * 65536};
        fixture_folder = g_dir_make_tmp("cloister-test-XXXXXX", NULL);
        fixture_socket = g_build_filename(fixture_folder, "sock", NULL);
        state_dirfd = open(fixture_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_strlcpy(address.sun_path, fixture_socket, sizeof(address.sun_path));
        cr_assert(bind(listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0);
        cr_assert(listen(listen_fd, 128) == 0);
        cr_assert(host_new(root, &host) == 0);
        fixture_start();
}

static void remove_files(const char *name)
{
        g_autofree char *path = g_build_filename(fixture_folder, name, NULL);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);

        for (const char *entry; dir && (entry = g_dir_read_name(dir));) {
                g_autofree char *file = g_build_filename(path, entry, NULL);
                if (remove(file) < 0)
                        remove_files(entry);
        }
        remove(path);
}

void fixture_teardown(void)
{
        fixture_stop();
        remove_files("containers");
        remove_files("leases");
        remove_files("");
        host_free(host);
        close(listen_fd);
        close(state_dirfd);
        g_free(fixture_folder);
        g_free(fixture_socket);
}

static void write_map(pid_t pid, const char *name, uint32_t start)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, name);
        g_autofree char *text = g_strdup_printf("0 %u 65536", start);

        cr_assert(file_write_at(AT_FDCWD, path, text, strlen(text)) == 0, "%s", path);
}

pid_t fixture_fork(bool own, uint32_t start)
{
        int ready[2];
        char byte;

        cr_assert(pipe(ready) == 0);
        pid_t pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (own && unshare(CLONE_NEWUSER) < 0)
                        _exit(1);
                if (write(ready[1], "", 1) != 1)
                        _exit(1);
                for (;;)
                        pause();
        }
        cr_assert(read(ready[0], &byte, 1) == 1);
        close(ready[0]);
        close(ready[1]);
        if (own) {
                write_map(pid, "uid_map", start);
                write_map(pid, "gid_map", start);
        }
        return pid;
}

void fixture_kill(pid_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

int fixture_connect(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct timeval timeout = {.tv_sec = 20};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_strlcpy(address.sun_path, fixture_socket, sizeof(address.sun_path));
        cr_assert(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        return fd;
}

void fixture_send(int fd, const char *text, size_t len)
{
        while (len > 0) {
                ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
                if (n < 0)
                        return; /* the server has hung up: the test will see it */
                text += n;
                len -= (size_t)n;
        }
}

char *fixture_receive(int fd)
{
        GString *text = g_string_new(NULL);
        char byte;

        while (recv(fd, &byte, 1, 0) == 1) {
                if (byte == '\0')
                        return g_string_free(text, FALSE);
                g_string_append_c(text, byte);
        }
        g_string_free(text, TRUE);
        return NULL;
}

json_object *fixture_call(const char *method, const char *format, ...)
{
        autofd int fd = fixture_connect();
        va_list ap;

        va_start(ap, format);
        g_autofree char *parameters = g_strdup_vprintf(format, ap);
        va_end(ap);
        g_autofree char *text = g_strdup_printf("{\"method\":\"%s%s\",\"parameters\":{%s}}",
                                                strchr(method, '.') ? "" : "io.cloister.Containers.", method,
                                                parameters);
        fixture_send(fd, text, strlen(text) + 1);
        g_autofree char *answer = fixture_receive(fd);
        cr_assert(answer, "no answer to %s", text);
        json_object *object = json_tokener_parse(answer);
        cr_assert(object);
        return object;
}

const char *fixture_error(json_object *answer)
{
        json_object *error;

        if (!json_object_object_get_ex(answer, "error", &error))
                return "";
        return strrchr(json_object_get_string(error), '.') + 1;
}

static json_object *get(json_object *answer, const char *parameter)
{
        json_object *parameters, *value = NULL;

        cr_assert(json_object_object_get_ex(answer, "parameters", &parameters));
        cr_assert(json_object_object_get_ex(parameters, parameter, &value), "%s: %s", parameter,
                  json_object_to_json_string(answer));
        return value;
}

int64_t fixture_int(json_object *answer, const char *parameter)
{
        return json_object_get_int64(get(answer, parameter));
}

const char *fixture_text(json_object *answer, const char *parameter)
{
        return json_object_get_string(get(answer, parameter));
}

bool fixture_has(const char *folder, const char *name)
{
        g_autofree char *path = g_build_filename(fixture_folder, folder, name, NULL);

        return g_file_test(path, G_FILE_TEST_EXISTS);
}

bool fixture_await(const char *folder, const char *name, bool there)
{
        for (int i = 0; i < 150 && fixture_has(folder, name) != there; i++)
                g_usleep(100000);
        return fixture_has(folder, name) == there;
}
