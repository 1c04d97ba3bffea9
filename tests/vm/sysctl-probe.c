/* Writes to the sysctls of the running kernel what standard input says, and prints what came of it; the
 * format of both is in sysctl-text.h. Afterwards each name gets its first value back. Only for machines that
 * are thrown away. No memory is asked for after the start: vm/max_map_count is one of the names. */
#include "sysctl-text.h"

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

enum { INPUT_MAX = 16 << 20, LINES_MAX = 1 << 17, KEPT_MAX = 1024, KEPT_BYTES = 512 };

static char input[INPUT_MAX], output[1 << 16], errors[1 << 12];
static char bytes[SYSCTL_TEXT_MAX + 1], before[SYSCTL_TEXT_MAX], after[SYSCTL_TEXT_MAX],
        word[SYSCTL_WORD_MAX];
static char *lines[LINES_MAX];

static int open_sysctl(const char *name, int flags)
{
        char path[256];

        snprintf(path, sizeof(path), "/proc/sys/%s", name);
        return open(path, flags | O_CLOEXEC);
}

/* Returns the length without the last newline, or -1. */
static ssize_t read_value(const char *name, char value[SYSCTL_TEXT_MAX])
{
        int fd = open_sysctl(name, O_RDONLY);
        ssize_t n = fd < 0 ? -1 : read(fd, value, SYSCTL_TEXT_MAX);
        int error = errno;

        if (fd >= 0)
                close(fd);
        errno = error;
        return n > 0 && value[n - 1] == '\n' ? n - 1 : n;
}

static ssize_t write_value(const char *name, const char *text, size_t len, off_t offset)
{
        int fd = open_sysctl(name, O_WRONLY);
        ssize_t n = fd < 0 ? -1 : pwrite(fd, text, len, offset);
        int error = errno;

        if (fd >= 0)
                close(fd);
        errno = error;
        return n;
}

/* One line of a block. */
static void try_write(const char *name, const char *line)
{
        char text[SYSCTL_WORD_MAX], result[32];
        ssize_t was = read_value(name, before), is, n;
        unsigned offset;
        size_t len;

        if (sscanf(line, "%32767s %u", text, &offset) != 2)
                abort();
        len = sysctl_text_decode(text, bytes);
        n = write_value(name, bytes, len, offset);
        printf("%s %u %s", text, offset, sysctl_text_result(n, errno, len, result));
        is = read_value(name, after);
        if (is >= 0 && (is != was || memcmp(before, after, (size_t)is) != 0))
                printf(" %s", sysctl_text_encode(after, (size_t)is, word));
        putchar('\n');
}

/* ---- the values of the start ---- */

static struct kept {
        const char *name;
        char value[KEPT_BYTES];
        ssize_t len;
} kept[KEPT_MAX];
static size_t n_kept;

static void keep(const char *name)
{
        ssize_t len = read_value(name, after);

        if (len < 0 || len > KEPT_BYTES || n_kept == KEPT_MAX)
                return;
        memcpy(kept[n_kept].value, after, (size_t)len);
        kept[n_kept].name = name;
        kept[n_kept++].len = len;
}

static bool is_kept(const struct kept *k)
{
        ssize_t len = read_value(k->name, after);

        return len == k->len && memcmp(after, k->value, (size_t)len) == 0;
}

/* Writes clear or bound other names, so that it may take more than one round. */
static void put_back_all(void)
{
        for (int round = 0; round < 3; round++)
                for (size_t i = 0; i < n_kept; i++)
                        if (!is_kept(&kept[i]))
                                write_value(kept[i].name, kept[i].value, (size_t)kept[i].len, 0);
        for (size_t i = 0; i < n_kept; i++)
                if (!is_kept(&kept[i])) {
                        fprintf(stderr, "%s: stays %.20s", kept[i].name, after);
                        kept[i] = kept[--n_kept];
                }
}

/* ---- blocks ---- */

static void ask(const char *line, char last[KEPT_BYTES])
{
        char name[256];
        ssize_t len;

        if (sscanf(line, "? %255s", name) != 1)
                abort();
        len = read_value(name, after);
        printf("? %s", name);
        if (len >= 0 && len < KEPT_BYTES) {
                after[len] = '\0';
                if (strcmp(after, last) != 0)
                        printf(" %s", sysctl_text_encode(after, (size_t)len, word));
                strcpy(last, after);
        }
        putchar('\n');
}

static void try_block(const char *name, char *const *writes, size_t n)
{
        char last[KEPT_BYTES] = "";
        ssize_t len = read_value(name, after);

        if (len < 0 && errno == ENOENT)
                return;
        fprintf(stderr, "%s\n", name);
        printf("@ %s=%s\n", name, len < 0 ? "-" : sysctl_text_encode(after, (size_t)len, word));
        for (size_t i = 0; i < n; i++)
                if (*writes[i] == '?')
                        ask(writes[i], last);
                else
                        try_write(name, writes[i]);
        put_back_all();
        fflush(stdout);
}

static size_t read_lines(void)
{
        size_t n = 0, size = fread(input, 1, sizeof(input) - 1, stdin);

        input[size] = '\0';
        for (char *line = strtok(input, "\n"); line && n < LINES_MAX; line = strtok(NULL, "\n"))
                if (*line != '#')
                        lines[n++] = line;
        return n;
}

/* One block in the list: its first line, and the names in it. */
struct block {
        size_t line, n_lines, names, n_names;
};

static struct block blocks[KEPT_MAX];
static char *names[KEPT_MAX];

static size_t find_blocks(size_t n_lines)
{
        size_t n = 0, n_names = 0, end;
        char *rest;

        for (size_t i = 0; i < n_lines && n < KEPT_MAX; i = end, n++) {
                for (end = i + 1; end < n_lines && *lines[end] != '@'; end++)
                        ;
                blocks[n] = (struct block){i + 1, end - i - 1, n_names, 0};
                strtok_r(lines[i], " ", &rest);
                for (char *name = strtok_r(NULL, " ", &rest); name && n_names < KEPT_MAX;
                     name = strtok_r(NULL, " ", &rest)) {
                        name[strcspn(name, "=")] = '\0';
                        names[n_names++] = name;
                        keep(name);
                }
                blocks[n].n_names = n_names - blocks[n].names;
        }
        return n;
}

int main(void)
{
        size_t n;

        setvbuf(stdin, NULL, _IONBF, 0);
        setvbuf(stdout, output, _IOFBF, sizeof(output));
        setvbuf(stderr, errors, _IOLBF, sizeof(errors));
        n = find_blocks(read_lines());
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < blocks[i].n_names; k++)
                        try_block(names[blocks[i].names + k], lines + blocks[i].line, blocks[i].n_lines);
        return 0;
}
