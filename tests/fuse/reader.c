/* A client that reads views as fast as it can and checks every byte it can know something about. For the load
 * and takeover tests: reader SECONDS THREADS MEMTOTAL-KB FILE[=TEXT]... A file with a text must always hold
 * exactly it. Prints how much it read, the longest pause, and what was wrong; exits 1 if anything was. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 20, COMPLAINTS_MAX = 10, FILES_MAX = 64 };

struct file {
        const char *path;
        const char *expected; /* or NULL */
};

static struct file files[FILES_MAX];
static size_t n_files;
static long mem_total_kb;
static double end_time;
static atomic_long n_reads, n_wrong;
static _Atomic double longest;

static double now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
        va_list ap;

        if (atomic_fetch_add(&n_wrong, 1) >= COMPLAINTS_MAX)
                return;
        flockfile(stdout);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
        fflush(stdout);
        funlockfile(stdout);
}

static void check_meminfo(const char *path, const char *text)
{
        long total;

        if (sscanf(text, "MemTotal: %ld kB", &total) != 1 || total != mem_total_kb)
                complain("%s: %.40s, expected %ld kB", path, text, mem_total_kb);
        for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
                char name[64];
                unsigned long long value;
                if (sscanf(line, "%63[^:]: %llu", name, &value) != 2 || value > 1ull << 53)
                        complain("%s: line '%.40s'", path, line);
        }
}

static void check_uptime(const char *path, const char *text, double *last)
{
        double up, idle;

        if (sscanf(text, "%lf %lf\n", &up, &idle) != 2 || up < *last || up > *last + 3600)
                complain("%s: '%.40s' after %f", path, text, *last);
        else
                *last = up;
}

static void check_text(const struct file *f, const char *text, size_t len, double *uptime)
{
        if (len == 0 || text[len - 1] != '\n' || memchr(text, '\0', len))
                complain("%s: %zu bytes that do not end in a line", f->path, len);
        else if (f->expected && (strncmp(text, f->expected, len - 1) != 0 || strlen(f->expected) != len - 1))
                complain("%s: '%.40s', expected '%s'", f->path, text, f->expected);
        else if (strstr(f->path, "meminfo"))
                check_meminfo(f->path, text);
        else if (strstr(f->path, "uptime"))
                check_uptime(f->path, text, uptime);
}

/* Reads to the end in pieces of `piece` bytes. Returns the length or -1 (told). */
static ssize_t read_pieces(const struct file *f, int fd, char *text, size_t piece)
{
        size_t len = 0;

        for (;;) {
                ssize_t n = pread(fd, text + len, piece, (off_t)len);
                if (n < 0) {
                        complain("%s: read at %zu: %s", f->path, len, strerror(errno));
                        return -1;
                }
                if (n == 0)
                        break;
                len += (size_t)n;
                if (len + piece >= TEXT_MAX) {
                        complain("%s: no end", f->path);
                        return -1;
                }
        }
        text[len] = '\0';
        return (ssize_t)len;
}

static void read_once(const struct file *f, char *text, unsigned *seed, double *uptime)
{
        static const size_t pieces[] = {16, 100, 512, 1024, 4096, 32768, 131072};
        struct stat st;
        int fd = open(f->path, O_RDONLY | O_CLOEXEC);
        int rounds = rand_r(seed) % 4 == 0 ? 3 : 1; /* some keep the file open and seek back */

        if (fd < 0) {
                complain("%s: open: %s", f->path, strerror(errno));
                return;
        }
        for (int i = 0; i < rounds; i++) {
                ssize_t len = read_pieces(f, fd, text,
                                          pieces[(size_t)rand_r(seed) % (sizeof(pieces) / sizeof(*pieces))]);
                if (len >= 0)
                        check_text(f, text, (size_t)len, uptime);
        }
        if (fstat(fd, &st) < 0)
                complain("%s: fstat: %s", f->path, strerror(errno));
        close(fd);
}

static void note_pause(double pause)
{
        double before = longest;

        while (pause > before && !atomic_compare_exchange_weak(&longest, &before, pause))
                ;
}

static void *reader(void *data)
{
        unsigned seed = (unsigned)(size_t)data;
        char *text = malloc(TEXT_MAX);
        double uptime = 0;

        for (double start = now(); text && start < end_time;) {
                read_once(&files[(size_t)rand_r(&seed) % n_files], text, &seed, &uptime);
                atomic_fetch_add(&n_reads, 1);
                double end = now();
                note_pause(end - start);
                start = end;
        }
        free(text);
        return NULL;
}

int main(int argc, char **argv)
{
        pthread_t threads[64];
        int n_threads = argc > 4 ? atoi(argv[2]) : 0;

        if (n_threads < 1 || n_threads > 64 || argc - 4 > FILES_MAX) {
                fputs("usage: reader SECONDS THREADS MEMTOTAL-KB FILE[=TEXT]...\n", stderr);
                return 2;
        }
        end_time = now() + atof(argv[1]);
        mem_total_kb = atol(argv[3]);
        for (int i = 4; i < argc; i++) {
                char *text = strchr(argv[i], '=');
                if (text)
                        *text++ = '\0';
                files[n_files++] = (struct file){argv[i], text};
        }
        for (int i = 0; i < n_threads; i++)
                if (pthread_create(&threads[i], NULL, reader, (void *)(size_t)(i + 1)) != 0)
                        return 2;
        for (int i = 0; i < n_threads; i++)
                pthread_join(threads[i], NULL);
        printf("reads %ld wrong %ld longest %.1f ms\n", n_reads, n_wrong, longest * 1000);
        return n_wrong > 0 || n_reads == 0;
}
