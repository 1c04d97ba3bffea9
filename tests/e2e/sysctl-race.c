/* Writers and readers of sysctls in one container, for the test sysctl-race:
 *
 *      sysctl-race SECONDS MARK
 *
 * Two processes, the second with user, network, IPC and UTS namespaces of its own, each with WRITERS writers
 * and as many readers. Writers write values that say who wrote them: the mark of the container, for names of
 * a namespace also which of the two processes, and the number of the write; readers check that all of a value
 * is there and that its writer can be one. Ends with status 0 if every read was right; prints what was not.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WRITERS = 2, READERS = 2, TEXT_MAX = 512, REPEATS = 20, SAID_MAX = 5 };

enum form { NUMBER, FOUR_NUMBERS, TEXT };

/* Numbers are MARK SSSS W, in decimal: mark, process and writer in one digit, a running number between them.
 */
struct name {
        const char *path;
        enum form form;
        bool namespaced; /* each process has its own */
};

static const struct name names[] = {
        {"/proc/sys/kernel/panic", NUMBER, false},
        {"/proc/sys/vm/max_map_count", NUMBER, false},
        {"/proc/sys/kernel/printk", FOUR_NUMBERS, false},
        {"/proc/sys/kernel/core_pattern", TEXT, false},
        {"/proc/sys/kernel/msgmax", NUMBER, true},
        {"/proc/sys/net/ipv4/tcp_keepalive_time", NUMBER, true},
};

struct process {
        unsigned mark, number; /* of the container; of the process: 0, 1 */
        time_t end;
        char initial[G_N_ELEMENTS(names)][TEXT_MAX];
        atomic_ulong reads, writes, wrong;
        atomic_uint next;
};

/* The most that every name takes is 32767, of tcp_keepalive_time: mark 1-2, a thousand numbers, process and
 * writer. */
static unsigned make_number(const struct process *p, unsigned writer, unsigned n)
{
        return p->mark * 10000 + n % 1000 * 10 + p->number * WRITERS + writer;
}

static bool is_number_of(const struct process *p, const struct name *name, unsigned value)
{
        unsigned who = value % 10;

        if (value / 10000 != p->mark || who >= 2 * WRITERS)
                return false;
        return !name->namespaced || who / WRITERS == p->number;
}

static void make_value(const struct process *p, const struct name *name, unsigned writer, unsigned n,
                       char *ret)
{
        unsigned value = make_number(p, writer, n), len = 0;

        switch (name->form) {
        case NUMBER:
                g_snprintf(ret, TEXT_MAX, "%u\n", value);
                break;
        case FOUR_NUMBERS:
                g_snprintf(ret, TEXT_MAX, "%u\t%u\t%u\t%u\n", value, value, value, value);
                break;
        case TEXT: /* of different lengths */
                for (unsigned i = 0; i < 1 + n % REPEATS; i++)
                        len += (unsigned)g_snprintf(ret + len, TEXT_MAX - len, "%05u.", value);
                g_snprintf(ret + len, TEXT_MAX - len, "\n");
                break;
        }
}

/* The value that a text begins with, if the text is one that make_value() can have made of it. */
static bool is_whole(const struct process *p, const struct name *name, const char *text)
{
        char whole[TEXT_MAX];
        unsigned value = (unsigned)strtoul(text, NULL, 10), len = 0;

        if (!is_number_of(p, name, value))
                return false;
        if (name->form == NUMBER)
                g_snprintf(whole, sizeof(whole), "%u\n", value);
        else if (name->form == FOUR_NUMBERS)
                g_snprintf(whole, sizeof(whole), "%u\t%u\t%u\t%u\n", value, value, value, value);
        else /* n % 1000 decides about the length as n does, as REPEATS divides 1000 */
                for (unsigned i = 0; i < 1 + value / 10 % 1000 % REPEATS; i++)
                        len += (unsigned)g_snprintf(whole + len, sizeof(whole) - len, "%05u.", value);
        if (name->form == TEXT)
                g_snprintf(whole + len, sizeof(whole) - len, "\n");
        return strcmp(text, whole) == 0;
}

static int read_text(int fd, char *ret)
{
        ssize_t n = pread(fd, ret, TEXT_MAX - 1, 0);

        ret[n < 0 ? 0 : n] = '\0';
        return n < 0 ? -errno : 0;
}

static void say_wrong(struct process *p, const struct name *name, const char *what, const char *text)
{
        if (atomic_fetch_add(&p->wrong, 1) < SAID_MAX)
                printf("container %u, process %u: %s: %s %s\n", p->mark, p->number, name->path, what, text);
}

static void *writer_thread(void *data)
{
        struct process *p = data;
        unsigned writer = atomic_fetch_add(&p->next, 1) % WRITERS;
        char text[TEXT_MAX];

        for (unsigned n = 0; time(NULL) < p->end; n++) {
                const struct name *name = &names[(n + writer) % G_N_ELEMENTS(names)];
                int fd = open(name->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
                make_value(p, name, writer, n, text);
                if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
                        say_wrong(p, name, "write:", g_strerror(errno));
                if (fd >= 0)
                        close(fd);
                atomic_fetch_add(&p->writes, 1);
        }
        return NULL;
}

/* Half of the reads are of a file opened for it, half of one kept open, as monitoring programs do. */
static void *reader_thread(void *data)
{
        struct process *p = data;
        int kept[G_N_ELEMENTS(names)];
        char text[TEXT_MAX];

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                kept[i] = open(names[i].path, O_RDONLY | O_CLOEXEC);
        for (unsigned n = 0; time(NULL) < p->end; n++) {
                size_t i = n / 2 % G_N_ELEMENTS(names);
                int fd = n % 2 ? kept[i] : open(names[i].path, O_RDONLY | O_CLOEXEC);
                int r = fd < 0 ? -errno : read_text(fd, text);
                if (r < 0)
                        say_wrong(p, &names[i], "read:", g_strerror(-r));
                else if (strcmp(text, p->initial[i]) != 0 && !is_whole(p, &names[i], text))
                        say_wrong(p, &names[i], "nobody wrote", text);
                if (n % 2 == 0 && fd >= 0)
                        close(fd);
                atomic_fetch_add(&p->reads, 1);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                if (kept[i] >= 0)
                        close(kept[i]);
        return NULL;
}

static int read_initial(struct process *p)
{
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                int fd = open(names[i].path, O_RDONLY | O_CLOEXEC);
                if (fd < 0 || read_text(fd, p->initial[i]) < 0) {
                        printf("cannot read %s: %s\n", names[i].path, g_strerror(errno));
                        return -1;
                }
                close(fd);
        }
        return 0;
}

static int run(struct process *p)
{
        pthread_t threads[WRITERS + READERS];

        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                if (pthread_create(&threads[i], NULL, i < WRITERS ? writer_thread : reader_thread, p) != 0)
                        return 1;
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                pthread_join(threads[i], NULL);
        printf("container %u, process %u: %lu writes, %lu reads, %lu wrong\n", p->mark, p->number, p->writes,
               p->reads, p->wrong);
        fflush(stdout);
        return p->wrong > 0 || p->reads == 0 || p->writes == 0;
}

/* Ids must be mapped for it to be root there. */
static int enter_namespaces(void)
{
        static const char *const files[] = {"uid_map", "gid_map"};

        if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
                return -1;
        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *path = g_strconcat("/proc/self/", files[i], NULL);
                int denied = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC), fd;
                if (denied < 0 || write(denied, "deny", 4) < 0)
                        return -1;
                close(denied);
                fd = open(path, O_WRONLY | O_CLOEXEC);
                if (fd < 0 || write(fd, "0 0 1", 5) < 0)
                        return -1;
                close(fd);
        }
        return 0;
}

/* Names that are not namespaced keep the initial value that the container has for both. */
static int run_child(struct process *p)
{
        char shared[G_N_ELEMENTS(names)][TEXT_MAX];

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        memcpy(shared, p->initial, sizeof(shared));
        p->number = 1;
        if (enter_namespaces() < 0 || read_initial(p) < 0) {
                printf("no namespaces: %s\n", g_strerror(errno));
                fflush(stdout);
                return 1;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                if (!names[i].namespaced)
                        memcpy(p->initial[i], shared[i], TEXT_MAX);
        return run(p);
}

int main(int argc, char **argv)
{
        struct process process = {0};
        int failed, status;
        pid_t child;

        if (argc != 3)
                return 2;
        process.mark = (unsigned)atoi(argv[2]);
        process.end = time(NULL) + atoi(argv[1]);
        if (read_initial(&process) < 0)
                return 1;
        child = fork();
        if (child == 0)
                _exit(run_child(&process));
        failed = child < 0 || run(&process);
        return waitpid(child, &status, 0) < 0 || status != 0 || failed;
}
