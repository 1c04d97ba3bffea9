/* What a process finds below /proc/sys, and what it can do there; run inside containers and beside them by
 * the tests sysctl-*:
 *
 *      sysctl-probe list [--write] [PREFIX...]      one line a name, with tabs between: name, mode and owner,
 * what a read gives, what opening for writing gives, what writing it back gives sysctl-probe fuzz SECONDS
 * SEED               writes senseless and half sensible bytes to all names sysctl-probe reference FIRST
 * COMMAND...      runs the command as root of new namespaces whose ids begin at FIRST, without Cloister, with
 * a procfs and an empty /tmp
 *
 * Values are printed with everything but printable ASCII escaped, errors by name. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROOT "/proc/sys/"

enum { TEXT_MAX = 65536 };

static int compare_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the names of all files below a directory, "" or "net/". */
static void find_names(const char *prefix, GPtrArray *ret)
{
        g_autofree char *path = g_strconcat(ROOT, prefix, NULL);
        DIR *dir = opendir(path);
        struct dirent *entry;

        if (!dir) {
                printf("%s\tdirectory\t%s\n", prefix, strerrorname_np(errno));
                return;
        }
        while ((entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                if (entry->d_type == DT_DIR) {
                        g_autofree char *below = g_strconcat(prefix, entry->d_name, "/", NULL);
                        find_names(below, ret);
                } else {
                        g_ptr_array_add(ret, g_strconcat(prefix, entry->d_name, NULL));
                }
        }
        closedir(dir);
}

static GPtrArray *all_names(void)
{
        GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

        find_names("", names);
        g_ptr_array_sort(names, compare_name);
        return names;
}

static int open_name(const char *name, int flags)
{
        g_autofree char *path = g_strconcat(ROOT, name, NULL);
        int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);

        return fd < 0 ? -errno : fd;
}

/* Returns the length or -errno. */
static int read_name(const char *name, char text[static TEXT_MAX])
{
        int fd = open_name(name, O_RDONLY), len = 0;
        ssize_t n = 0;

        if (fd < 0)
                return fd;
        while (len < TEXT_MAX && (n = read(fd, text + len, (size_t)(TEXT_MAX - len))) > 0)
                len += (int)n;
        n = n < 0 ? -errno : len;
        close(fd);
        return (int)n;
}

static int write_name(const char *name, const char *text, int len)
{
        int fd = open_name(name, O_WRONLY);
        ssize_t n;

        if (fd < 0)
                return fd;
        n = write(fd, text, (size_t)len);
        n = n < 0 ? -errno : n;
        close(fd);
        return (int)n;
}

/* ---- list ---- */

static void print_text(const char *text, int len)
{
        for (int i = 0; i < len; i++)
                if (text[i] >= ' ' && text[i] <= '~' && text[i] != '\\')
                        putchar(text[i]);
                else
                        printf("\\%03o", (unsigned char)text[i]);
}

static const char *result_name(int r)
{
        return r < 0 ? strerrorname_np(-r) : "ok";
}

static void print_name(const char *name, bool write_back)
{
        static char text[TEXT_MAX];
        g_autofree char *path = g_strconcat(ROOT, name, NULL);
        struct stat st;
        int len = read_name(name, text), fd = open_name(name, O_WRONLY);

        if (lstat(path, &st) < 0) {
                printf("%s\t%s\n", name, strerrorname_np(errno));
                return;
        }
        printf("%s\t%o %u:%u\t", name, st.st_mode, st.st_uid, st.st_gid);
        if (len < 0)
                printf("%s", strerrorname_np(-len));
        else
                print_text(text, len);
        printf("\t%s", result_name(fd));
        if (write_back && fd >= 0 && len > 0)
                printf("\t%s", result_name(write_name(name, text, len)));
        putchar('\n');
        if (fd >= 0)
                close(fd);
}

static bool is_wanted(const char *name, char **prefixes)
{
        if (!*prefixes)
                return true;
        for (; *prefixes; prefixes++)
                if (g_str_has_prefix(name, *prefixes))
                        return true;
        return false;
}

static int list(char **argv)
{
        bool write_back = *argv && g_str_equal(*argv, "--write");
        g_autoptr(GPtrArray) names = all_names();

        for (unsigned i = 0; i < names->len; i++)
                if (is_wanted(names->pdata[i], argv + write_back))
                        print_name(names->pdata[i], write_back);
        return 0;
}

/* ---- fuzz ---- */

/* Some bytes, or some numbers with something between. Returns the length. */
static int make_bytes(GRand *rand, char text[static TEXT_MAX])
{
        static const char *const between[] = {" ", "\t", "\n", ",", "-", "x", "\0"};
        int len = 0, n;

        switch (g_rand_int_range(rand, 0, 4)) {
        case 0:
                len = g_rand_int_range(rand, 0, 64);
                for (int i = 0; i < len; i++)
                        text[i] = (char)g_rand_int_range(rand, 0, 256);
                return len;
        case 1:
                len = g_rand_int_range(rand, 1, 8192);
                memset(text, g_rand_boolean(rand) ? '1' : ' ', (size_t)len);
                return len;
        default:
                n = g_rand_int_range(rand, 1, 5);
                for (int i = 0; i < n; i++)
                        len += g_snprintf(text + len, 64, "%d%s",
                                          g_rand_int(rand) >> g_rand_int_range(rand, 0, 32),
                                          between[g_rand_int_range(rand, 0, G_N_ELEMENTS(between))]);
                return len;
        }
}

static int fuzz(char **argv)
{
        static char text[TEXT_MAX];
        g_autoptr(GPtrArray) names = all_names();
        time_t end = time(NULL) + atoi(argv[0]);
        GRand *rand = g_rand_new_with_seed((guint32)atoi(argv[1]));
        unsigned long tried = 0, taken = 0;

        while (time(NULL) < end) {
                const char *name = names->pdata[g_rand_int_range(rand, 0, (int)names->len)];
                int len = make_bytes(rand, text);
                if (g_strv_contains((const char *const *)argv + 2, name))
                        continue;
                taken += write_name(name, text, len) >= 0;
                tried++;
        }
        g_rand_free(rand);
        printf("%lu writes to %u names, %lu taken\n", tried, names->len, taken);
        return tried > 0 && taken > 0 ? 0 : 1;
}

/* ---- reference ---- */

static int fail(const char *what)
{
        fprintf(stderr, "sysctl-probe: %s: %s\n", what, strerror(errno));
        return 125;
}

static int run_command(char **command)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                return fail("cannot become root");
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ||
            mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0)
                return fail("cannot mount");
        execvp(command[0], command);
        return fail(command[0]);
}

static int wait_status(pid_t pid)
{
        int status;

        if (waitpid(pid, &status, 0) < 0)
                return fail("waitpid");
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Waits until its ids are there, then starts process 1 of the new PID namespace. */
static int make_namespaces(int made, int mapped, char **command)
{
        char byte = 0;
        pid_t init;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID |
                    CLONE_NEWCGROUP) < 0)
                return fail("unshare");
        if (write(made, &byte, 1) != 1 || read(mapped, &byte, 1) != 1)
                return fail("no ids");
        init = fork();
        if (init == 0)
                _exit(run_command(command));
        return init < 0 ? fail("fork") : wait_status(init);
}

static int write_map(pid_t pid, const char *file, const char *first)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, file);
        g_autofree char *map = g_strdup_printf("0 %s 65536", first);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        int r = fd < 0 || write(fd, map, strlen(map)) < 0 ? -1 : 0;

        if (fd >= 0)
                close(fd);
        return r;
}

static int reference(char **argv)
{
        int made[2], mapped[2];
        char byte;
        pid_t pid;

        if (pipe2(made, O_CLOEXEC) < 0 || pipe2(mapped, O_CLOEXEC) < 0)
                return fail("pipe");
        pid = fork();
        if (pid < 0)
                return fail("fork");
        if (pid == 0)
                _exit(make_namespaces(made[1], mapped[0], argv + 1));
        close(made[1]);
        if (read(made[0], &byte, 1) != 1 || write_map(pid, "uid_map", argv[0]) < 0 ||
            write_map(pid, "gid_map", argv[0]) < 0 || write(mapped[1], &byte, 1) != 1)
                return fail("cannot map ids");
        return wait_status(pid);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                int n_args;
                int (*run)(char **argv);
        } commands[] = {{"list", 0, list}, {"fuzz", 2, fuzz}, {"reference", 2, reference}};

        for (size_t i = 0; argc > 1 && i < G_N_ELEMENTS(commands); i++)
                if (g_str_equal(argv[1], commands[i].name) && argc - 2 >= commands[i].n_args)
                        return commands[i].run(argv + 2);
        fprintf(stderr, "usage: sysctl-probe list|fuzz|reference ...\n");
        return 2;
}
