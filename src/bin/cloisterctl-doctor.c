/* `cloisterctl doctor`: what this machine has and lacks, in plain words, each lack with what to do. Reads and
 * asks; changes nothing. */
#include "bin/cloisterctl.h"

#include "base/fd.h"
#include "base/file.h"
#include "base/num.h"
#include "client/cloister.h"
#include "config.h"
#include "policy/config.h"
#include "proto/varlink.h"

#include <errno.h>
#include <glib.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

enum { TEXT_MAX = 1024 * 1024, FILES_WANTED = 65536, PIDFD_OF_THREAD = O_EXCL /* PIDFD_THREAD */ };

struct probe {
        const struct cloisterctl_options *options;
        GString *found; /* what there is, or what exactly is wrong */
};

/* One thing that the machine has or lacks. */
struct check {
        const char *name;
        bool needed;                      /* else Cloister runs without it, but worse */
        bool (*has)(struct probe *probe); /* appends to probe->found */
        const char *why, *todo;
};

static bool read_text(const char *path, GString *out)
{
        return file_read_at(AT_FDCWD, path, TEXT_MAX, out) == 0;
}

static bool found(struct probe *probe, bool has, const char *yes, const char *no)
{
        g_string_append(probe->found, has ? yes : no);
        return has;
}

/* ---- the kernel ---- */

static bool kernel_since(unsigned major, unsigned minor, unsigned patch)
{
        struct utsname name;
        unsigned a = 0, b = 0, c = 0;

        if (uname(&name) < 0 || sscanf(name.release, "%u.%u.%u", &a, &b, &c) < 2)
                return false;
        return a != major ? a > major : b != minor ? b > minor : c >= patch;
}

static bool has_kernel(struct probe *probe)
{
        struct utsname name;

        if (uname(&name) == 0)
                g_string_append_printf(probe->found, "%s", name.release);
        return kernel_since(5, 12, 0);
}

static bool has_root(struct probe *probe)
{
        return found(probe, geteuid() == 0, "doctor runs as root", "doctor does not run as root");
}

/* Tried in a child: the only proof that no setting forbids it. */
static bool can_unshare(int flags)
{
        int status;
        pid_t child = fork();

        if (child == 0)
                _exit(unshare(flags) == 0 ? 0 : 1);
        return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
               WEXITSTATUS(status) == 0;
}

static bool has_user_namespaces(struct probe *probe)
{
        return found(probe, can_unshare(CLONE_NEWUSER), "can be made", "cannot be made");
}

static bool has_time_namespaces(struct probe *probe)
{
        return found(probe, access("/proc/self/ns/time", F_OK) == 0, "there", "not in this kernel");
}

static bool has_mount_api(struct probe *probe)
{
        autofd int fd = open_tree(AT_FDCWD, "/", OPEN_TREE_CLOEXEC);

        return found(probe, fd >= 0 || errno != ENOSYS, "open_tree and move_mount are there",
                     "open_tree is missing");
}

static bool has_idmapped_mounts(struct probe *probe)
{
        struct mount_attr attr = {0};

        return found(probe, mount_setattr(-1, "", 0, &attr, sizeof(attr)) == 0 || errno != ENOSYS,
                     "mount_setattr is there", "mount_setattr is missing");
}

static bool has_thread_pidfds(struct probe *probe)
{
        autofd int fd = (int)syscall(SYS_pidfd_open, gettid(), PIDFD_OF_THREAD);

        return found(probe, fd >= 0, "there", "not in this kernel");
}

static bool has_resend(struct probe *probe)
{
        return found(probe, kernel_since(6, 9, 4), "there", "not in this kernel");
}

static bool has_pressure(struct probe *probe)
{
        g_autoptr(GString) text = g_string_new(NULL);

        return found(probe, read_text("/proc/pressure/cpu", text), "/proc/pressure is there",
                     "/proc/pressure is missing");
}

/* ---- FUSE ---- */

static bool has_fuse_device(struct probe *probe)
{
        autofd int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                g_string_append_printf(probe->found, "/dev/fuse cannot be opened: %s", g_strerror(errno));
        else
                g_string_append(probe->found, "/dev/fuse can be opened");
        return fd >= 0;
}

static bool has_fuse(struct probe *probe)
{
        g_autoptr(GString) text = g_string_new(NULL);

        read_text("/proc/filesystems", text);
        return found(probe, strstr(text->str, "\tfuse\n") != NULL, "the kernel has the file system",
                     "the kernel does not have the file system");
}

/* A limit on the time a request may take kills connections whose server is being replaced. */
static bool has_no_fuse_timeout(struct probe *probe)
{
        static const char *const files[] = {"/proc/sys/fs/fuse/default_request_timeout",
                                            "/proc/sys/fs/fuse/max_request_timeout"};
        bool good = true;

        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autoptr(GString) text = g_string_new(NULL);
                if (!read_text(files[i], text) || g_str_equal(g_strchomp(text->str), "0"))
                        continue;
                g_string_append_printf(probe->found, "%s is %s ", files[i], text->str);
                good = false;
        }
        return good ? found(probe, true, "none is set", "") : false;
}

/* ---- control groups ---- */

/* Appends the controllers of this machine as words: of v1 from /proc/cgroups, of v2 from the root's file. */
static void list_controllers(GString *v1, GString *v2)
{
        g_autoptr(GString) mounts = g_string_new(NULL);
        read_text("/proc/self/mountinfo", mounts);
        g_auto(GStrv) lines = g_strsplit(mounts->str, "\n", -1);

        for (char **line = lines; *line; line++) {
                const char *type = strstr(*line, " - ");
                g_auto(GStrv) fields = g_strsplit(*line, " ", 6);
                if (!type || g_strv_length(fields) < 6)
                        continue;
                if (g_str_has_prefix(type, " - cgroup2 ")) {
                        g_autofree char *path = g_build_filename(fields[4], "cgroup.controllers", NULL);
                        g_string_append(v2, " ");
                        read_text(path, v2);
                } else if (g_str_has_prefix(type, " - cgroup ")) {
                        g_string_append_printf(v1, ",%s", strrchr(*line, ' ') + 1);
                }
        }
        g_strdelimit(v1->str, ",", ' ');
        g_strdelimit(v2->str, "\n", ' ');
        g_string_append(v1, " ");
        g_string_append(v2, " ");
}

static bool has_controllers(struct probe *probe, const char *const *names)
{
        g_autoptr(GString) v1 = g_string_new(NULL), v2 = g_string_new(NULL);
        bool good = true;

        list_controllers(v1, v2);
        for (; *names; names++) {
                g_autofree char *word = g_strdup_printf(" %s ", *names);
                const char *where = strstr(v2->str, word) ? "v2" : strstr(v1->str, word) ? "v1" : "missing";
                g_string_append_printf(probe->found, "%s%s %s", probe->found->len ? ", " : "", *names, where);
                good &= !g_str_equal(where, "missing");
        }
        return good;
}

static bool has_main_controllers(struct probe *probe)
{
        static const char *const names[] = {"cpu", "memory", NULL};

        return has_controllers(probe, names);
}

static bool has_other_controllers(struct probe *probe)
{
        static const char *const names[] = {"cpuset", "pids", NULL};

        return has_controllers(probe, names);
}

/* ---- programs ---- */

/* Appends "name 1.2.3" from the first line of `name --version`. */
static bool find_program(struct probe *probe, const char *name)
{
        g_autofree char *path = g_find_program_in_path(name);
        g_autofree char *out = NULL;
        char *argv[] = {path, (char *)"--version", NULL};

        if (!path)
                return false;
        g_spawn_sync(NULL, argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &out, NULL, NULL, NULL);
        g_autofree char *first = g_strndup(out ?: "", strcspn(out ?: "", "\n"));
        const char *version = first + strcspn(first, "0123456789");
        g_string_append_printf(probe->found, "%s%s %.*s", probe->found->len ? ", " : "", name,
                               (int)strcspn(version, " ,"), version);
        return true;
}

static bool find_programs(struct probe *probe, const char *const *names)
{
        bool any = false;

        for (const char *const *name = names; *name; name++)
                any |= find_program(probe, *name);
        return any || found(probe, false, "", "none in $PATH");
}

static bool has_runtime(struct probe *probe)
{
        static const char *const names[] = {"runc", "crun", NULL};

        return find_programs(probe, names);
}

static bool has_engine(struct probe *probe)
{
        static const char *const names[] = {"dockerd", "podman", "containerd", NULL};

        return find_programs(probe, names);
}

/* ---- subordinate ids ---- */

static bool read_ranges(struct probe *probe, struct config **ret)
{
        g_autoptr(GError) error = NULL;
        const char *path = probe->options->config ?: CLOISTER_SYSCONFDIR "/cloister.conf";

        if (config_read(path, probe->options->config != NULL, ret, &error) == 0 &&
            config_add_subids(*ret, "/etc/subuid", "/etc/subgid", "cloister", &error) == 0)
                return true;
        g_string_append(probe->found, error->message);
        return false;
}

static bool has_ids(struct probe *probe)
{
        autoptr(config) config = NULL;
        uint64_t count = 0;

        if (!read_ranges(probe, &config))
                return false;
        for (size_t i = 0; i < config->n_ranges; i++)
                count += config->ranges[i].count / IDS_SIZE_DEFAULT;
        g_string_append_printf(probe->found, "enough for %" G_GUINT64_FORMAT " containers at a time", count);
        return count > 0;
}

/* Whether a line "user:start:count" of another user shares ids with ours. */
static bool line_overlaps(const char *line, const struct config *config)
{
        g_auto(GStrv) parts = g_strsplit(line, ":", 3);
        uint64_t start, count;

        if (g_strv_length(parts) != 3 || g_str_equal(parts[0], "cloister") ||
            num_parse_u64(parts[1], &start) < 0 || num_parse_u64(parts[2], &count) < 0)
                return false;
        for (size_t i = 0; i < config->n_ranges; i++) {
                uint64_t end = (uint64_t)config->ranges[i].start + config->ranges[i].count;
                if (start < end && config->ranges[i].start < start + count)
                        return true;
        }
        return false;
}

static bool has_own_ids(struct probe *probe)
{
        static const char *const files[] = {"/etc/subuid", "/etc/subgid"};
        autoptr(config) config = NULL;
        bool good = read_ranges(probe, &config);

        for (size_t i = 0; good && i < G_N_ELEMENTS(files); i++) {
                g_autoptr(GString) text = g_string_new(NULL);
                read_text(files[i], text);
                g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
                for (char **line = lines; good && *line; line++)
                        if (line_overlaps(*line, config)) {
                                g_string_append_printf(probe->found, "%s: %s overlaps with ours", files[i],
                                                       *line);
                                good = false;
                        }
        }
        return good && found(probe, true, "nobody else has them", "");
}

/* ---- cloisterd ---- */

static bool has_server(struct probe *probe)
{
        struct cloister *cloister = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *status = NULL;
        int r = cloister_connect(probe->options->control, &cloister, &error);

        if (r == 0)
                r = cloister_call(cloister, "Status", NULL, &status, &error);
        cloister_disconnect(cloister);
        g_string_append(probe->found, r < 0 ? error->message : "it answers");
        return r == 0;
}

static bool has_files(struct probe *probe)
{
        struct rlimit limit = {0};

        getrlimit(RLIMIT_NOFILE, &limit);
        g_string_append_printf(probe->found, "at most %" G_GUINT64_FORMAT, (guint64)limit.rlim_max);
        return limit.rlim_max >= FILES_WANTED;
}

/* ---- the table ---- */

static const struct check checks[] = {
        {"rights", true, has_root, "only root can try what is asked here", "run: sudo cloisterctl doctor"},
        {"kernel", true, has_kernel, "idmapped mounts and the new mount API came with Linux 5.12",
         "run a newer kernel; Debian 12's own will do"},
        {"user namespaces", true, has_user_namespaces,
         "every container gets one, so that its root is nobody outside",
         "set user.max_user_namespaces above 0 and check that no security module forbids them"},
        {"time namespaces", false, has_time_namespaces,
         "they make `ps` and `uptime -s` agree with /proc/uptime in `cloisterctl run`",
         "run a kernel with CONFIG_TIME_NS (Linux 5.6 or later)"},
        {"mount API", true, has_mount_api, "the views are moved into containers by it",
         "run Linux 5.2 or later; inside a container, allow open_tree and move_mount in its seccomp filter"},
        {"idmapped mounts", true, has_idmapped_mounts,
         "images keep their owners on disk while containers run shifted",
         "run Linux 5.12 or later; inside a container, allow mount_setattr in its seccomp filter"},
        {"thread pidfds", false, has_thread_pidfds, "callers are told apart faster with them",
         "nothing has to be done; Linux 6.9 or later has them"},
        {"FUSE resend", false, has_resend, "a server that crashes leaves no request behind",
         "nothing has to be done; before Linux 6.9.4 a journal does the same"},
        {"pressure", false, has_pressure, "/proc/pressure of containers is made from the host's",
         "boot with psi=1, on a kernel with CONFIG_PSI"},
        {"FUSE device", true, has_fuse_device, "cloisterd serves the views through it",
         "modprobe fuse; inside a container, give it the device /dev/fuse"},
        {"FUSE", true, has_fuse, "the views are a FUSE file system", "modprobe fuse"},
        {"FUSE timeouts", false, has_no_fuse_timeout,
         "the kernel would end the views of all containers when one request takes longer",
         "set both to 0: sysctl fs.fuse.default_request_timeout=0 fs.fuse.max_request_timeout=0"},
        {"controllers", true, has_main_controllers, "CPUs and memory in the views come from them",
         "mount them: install systemd, or boot without cgroup_disable="},
        {"more controllers", false, has_other_controllers, "cpusets and task limits are shown from them",
         "mount them: install systemd, or boot without cgroup_disable="},
        {"runtime", true, has_runtime, "cloister-runc wraps one of them", "apt-get install runc"},
        {"engine", false, has_engine, "most people start containers by one of them",
         "apt-get install docker.io, or podman; plain bundles need none"},
        {"ids", true, has_ids, "each container gets 65536 user ids of its own",
         "add the line cloister:100000:655360 to /etc/subuid and /etc/subgid, or ids=100000:655360 to "
         "cloister.conf"},
        {"exclusive ids", true, has_own_ids, "who shares ids with a container owns its files",
         "give user cloister ids that no other line of /etc/subuid and /etc/subgid has"},
        {"open files", false, has_files, "every container and open view takes some in cloisterd",
         "raise LimitNOFILE= of cloister.service to 65536 or more"},
        {"cloisterd", false, has_server, "containers cannot be started with views while it does not run",
         "systemctl start cloister, or run cloisterd as root"},
};

static void print_check(const struct check *check, bool has, const char *text)
{
        g_autofree char *escaped = table_escape(text);

        if (has) {
                printf("ok      %-17s %s\n", check->name, escaped);
                return;
        }
        printf("%s %-17s %s\n", check->needed ? "LACKS  " : "(lacks)", check->name, escaped);
        printf("        %-17s why it matters: %s\n", "", check->why);
        printf("        %-17s what to do: %s\n", "", check->todo);
}

static json_object *describe_check(const struct check *check, bool has, const char *text)
{
        json_object *object = json_object_new_object();

        json_object_object_add(object, "name", json_object_new_string(check->name));
        json_object_object_add(object, "ok", json_object_new_boolean(has));
        json_object_object_add(object, "needed", json_object_new_boolean(check->needed));
        json_object_object_add(object, "found", proto_new_string(text, strlen(text)));
        json_object_object_add(object, "why", json_object_new_string(check->why));
        json_object_object_add(object, "todo", json_object_new_string(check->todo));
        return object;
}

static void print_summary(unsigned n_needed, unsigned n_other)
{
        if (n_needed > 0)
                printf("\n%u needed %s missing: Cloister does not work here yet.\n", n_needed,
                       n_needed == 1 ? "thing is" : "things are");
        else if (n_other > 0)
                printf("\nEverything needed is there; what (lacks) says would be better to have.\n");
        else
                printf("\nEverything is there.\n");
}

int cloisterctl_doctor(const struct cloisterctl_options *options, char **args)
{
        auto_json answer = json_object_new_object();
        json_object *array = json_object_new_array();
        unsigned n_needed = 0, n_other = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
                g_autoptr(GString) text = g_string_new(NULL);
                struct probe probe = {options, text};
                bool has = checks[i].has(&probe);
                if (!has)
                        *(checks[i].needed ? &n_needed : &n_other) += 1;
                if (options->json)
                        json_object_array_add(array, describe_check(&checks[i], has, text->str));
                else
                        print_check(&checks[i], has, text->str);
        }
        json_object_object_add(answer, "ok", json_object_new_boolean(n_needed == 0));
        json_object_object_add(answer, "checks", array);
        if (options->json)
                print_json(answer);
        else
                print_summary(n_needed, n_other);
        return n_needed ? STATUS_FAILED : STATUS_GOOD;
}
