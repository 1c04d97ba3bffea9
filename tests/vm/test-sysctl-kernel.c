/* Writes to our sysctls what was written to those of real kernels (tests/vm/data/sysctl-*, see
 * sysctl-text.h), and compares errno, bytes taken and value. A difference is an error unless
 * tests/vm/data/differences names it. */
#include "fixture.h"
#include "sysctl-text.h"
#include "view/sysctl/policy.h"
#include "view/vfile.h"

#include <criterion/criterion.h>

enum { ROOT = 100000, SHOWN_MAX = 60 };

struct replay {
        char *folder, *kernel; /* the fixture, and the version that the data file is of */
        struct host *host;
        GHashTable *known, *met; /* "NAME TEXT", from the file of differences; those that were met */
        unsigned writes, differences;
};

/* One name of a block, while its writes are done. */
struct sysctl {
        struct replay *replay;
        const char *name;
        struct container *container;
        struct view_ctx ctx;
        GHashTable *values; /* of the kernel, by name */
};

static const struct vdir *sysctl_dir(void)
{
        return view_find("proc/sys")->dir;
}

static char *decode(const char *word)
{
        char bytes[SYSCTL_TEXT_MAX + 1];
        size_t len = sysctl_text_decode(word, bytes);

        return g_strndup(bytes, len);
}

/* What we show, as a word; "-" when it cannot be read. */
static char *read_word(const struct sysctl *s, const char *name)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *word = g_malloc(SYSCTL_WORD_MAX);

        if (sysctl_dir()->render(&s->ctx, name, text) < 0)
                return g_strdup("-");
        if (text->len > 0 && text->str[text->len - 1] == '\n')
                g_string_truncate(text, text->len - 1);
        return g_strdup(sysctl_text_encode(text->str, text->len, word));
}

/* Whether the file of differences has it: for this name, perhaps of one kernel, or for all; for this text or
 * all.
 */
static bool is_known(struct replay *replay, const char *name, const char *text)
{
        g_autofree char *of_kernel = g_strdup_printf("%s:%s", replay->kernel, name);
        const char *names[] = {name, of_kernel, "*"}, *texts[] = {text, "*"};

        for (unsigned i = 0; i < G_N_ELEMENTS(names) * G_N_ELEMENTS(texts); i++) {
                g_autofree char *key = g_strdup_printf("%s %s", names[i / 2], texts[i % 2]);
                if (!g_hash_table_contains(replay->known, key))
                        continue;
                g_hash_table_add(replay->met, g_steal_pointer(&key));
                return true;
        }
        return false;
}

static void report(struct sysctl *s, const char *text, const char *what, const char *kernel, const char *ours)
{
        if (is_known(s->replay, s->name, text))
                return;
        if (s->replay->differences++ < SHOWN_MAX || g_getenv("CLOISTER_TEST_VERBOSE"))
                cr_log_error("%s: %s %.60s: kernel %s, ours %s", s->replay->kernel, s->name, text, kernel,
                             ours);
}

/* Compares a value, and goes on from the kernel's. */
static void compare_value(struct sysctl *s, const char *name, const char *text)
{
        const char *kernel = g_hash_table_lookup(s->values, name);
        g_autofree char *ours = read_word(s, name), *value = decode(kernel);

        if (strcmp(kernel, "-") == 0 || strcmp(ours, kernel) == 0)
                return;
        report(s, text, ", shows then", kernel, ours);
        sysctl_store_set(s->container->sysctls, name, value);
}

static void write_line(struct sysctl *s, char **words)
{
        char bytes[SYSCTL_TEXT_MAX + 1], result[32];
        size_t len = sysctl_text_decode(words[0], bytes);
        int r = sysctl_dir()->store(&s->ctx, s->name, bytes, len,
                                    (off_t)g_ascii_strtoull(words[1], NULL, 10));
        g_autofree char *label = g_strconcat(words[0], strcmp(words[1], "0") ? "@" : "", words[1], NULL);
        const char *text = strcmp(words[1], "0") ? label : words[0];

        s->replay->writes++;
        sysctl_text_result(r < 0 ? -1 : r > 0 ? r : (ssize_t)len, -r, len, result);
        if (strcmp(result, words[2]) != 0)
                report(s, text, "", words[2], result);
        if (words[3])
                g_hash_table_insert(s->values, g_strdup(s->name), g_strdup(words[3]));
        compare_value(s, s->name, text);
}

static void ask_line(struct sysctl *s, char **words)
{
        if (words[2])
                g_hash_table_insert(s->values, g_strdup(words[1]), g_strdup(words[2]));
        compare_value(s, words[1], words[1]);
}

/* The lines of a block for one name, in a container of its own. */
static void replay_name(struct replay *replay, const char *first, char **lines)
{
        g_auto(GStrv) parts = g_strsplit(first, "=", 2);
        autoptr(container) box = fixture_container(CONTAINER_REGISTERED, 1000, 0, ROOT);
        g_autoptr(GHashTable) values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        struct sysctl s = {replay, parts[0], box, {replay->host, box, 4242, ROOT, ROOT, NULL}, values};

        if (sysctl_policy_class(NULL, s.name) != SYSCTL_PRIVATE)
                return; /* with the kernel that runs the test */
        g_hash_table_insert(values, g_strdup(s.name), g_strdup(parts[1]));
        for (; *lines && **lines != '@'; lines++) {
                g_auto(GStrv) words = g_strsplit(*lines, " ", -1);
                if (**lines == '?')
                        ask_line(&s, words);
                else if (**lines)
                        write_line(&s, words);
        }
}

/* lines: what was written to it; where that was never allowed, the machine has a file of mode 0444. */
static void write_fixture(const char *folder, const char *first, char **lines)
{
        g_auto(GStrv) parts = g_strsplit(first, "=", 2);
        g_autofree char *path = g_strconcat("proc/sys/", parts[0], NULL), *value = decode(parts[1]),
                        *line = g_strconcat(value, "\n", NULL), *full = g_build_filename(folder, path, NULL);

        fixture_write(folder, path, line);
        if (strcmp(parts[1], "-") == 0)
                cr_assert_eq(chmod(full, 0200), 0);
        else if (g_str_has_suffix(*lines, " EACCES"))
                cr_assert_eq(chmod(full, 0444), 0);
}

/* Calls fn for each name=value of the blocks. */
static void replay_all(struct replay *replay, char **lines, bool make)
{
        for (; *lines; lines++) {
                g_auto(GStrv) names = g_strsplit(**lines == '@' ? *lines + 2 : "", " ", -1);
                for (char **name = names; *name; name++)
                        if (make)
                                write_fixture(replay->folder, *name, lines + 1);
                        else
                                replay_name(replay, *name, lines + 1);
        }
}

static char **read_lines(const char *name)
{
        g_autofree char *path = g_build_filename(SYSCTL_DATA, name, NULL), *text = NULL;

        cr_assert(g_file_get_contents(path, &text, NULL, NULL), "%s", path);
        return g_strsplit(text, "\n", -1);
}

static void read_known(struct replay *replay)
{
        g_auto(GStrv) lines = read_lines("differences");

        for (char **line = lines; *line; line++) {
                g_auto(GStrv) words = g_strsplit(*line, " ", 3);
                if (**line && **line != '#')
                        g_hash_table_add(replay->known, g_strconcat(words[0], " ", words[1], NULL));
        }
}

static void replay_file(struct replay *replay, const char *name)
{
        g_auto(GStrv) lines = read_lines(name);

        g_auto(GStrv) parts = g_strsplit_set(name, "-", 2);

        replay->kernel = g_strndup(parts[1], strlen(parts[1]) - strlen(".txt"));
        replay->folder = fixture_folder();
        fixture_write(replay->folder, "proc/self/mountinfo", "");
        fixture_write(replay->folder, "proc/uptime", "10.00 10.00\n");
        replay_all(replay, lines, true);
        replay->host = fixture_host(replay->folder);
        replay_all(replay, lines, false);
        host_free(replay->host);
        fixture_remove(replay->folder);
        g_free(replay->kernel);
}

/* A difference that is none any more is to be taken out of the file. */
static void check_known(const struct replay *replay)
{
        GHashTableIter iter;
        gpointer key;

        g_hash_table_iter_init(&iter, replay->known);
        while (g_hash_table_iter_next(&iter, &key, NULL))
                cr_expect(g_hash_table_contains(replay->met, key), "no difference any more: %s", (char *)key);
}

Test(sysctl_kernel, writes_have_the_results_of_real_kernels)
{
        struct replay replay = {.known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                                .met = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
        GDir *dir = g_dir_open(SYSCTL_DATA, 0, NULL);
        const char *name;

        cr_assert_not_null(dir);
        read_known(&replay);
        while ((name = g_dir_read_name(dir)))
                if (g_str_has_prefix(name, "sysctl-"))
                        replay_file(&replay, name);
        g_dir_close(dir);
        check_known(&replay);
        cr_expect_gt(replay.writes, 10000);
        cr_expect_eq(replay.differences, 0, "%u of %u writes differ", replay.differences, replay.writes);
        g_hash_table_unref(replay.known);
        g_hash_table_unref(replay.met);
}
