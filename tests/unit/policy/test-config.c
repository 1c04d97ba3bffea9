#include "policy/config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static char *write_file(const char *text, size_t len)
{
        char *path = g_strdup("/tmp/cloister-test-config-XXXXXX");
        int fd = mkstemp(path);

        cr_assert(fd >= 0 && write(fd, text, len) == (ssize_t)len);
        close(fd);
        return path;
}

static struct config *read_text(const char *text)
{
        g_autofree char *path = write_file(text, strlen(text));
        struct config *config = NULL;
        g_autoptr(GError) error = NULL;
        int r = config_read(path, true, &config, &error);

        unlink(path);
        cr_assert(r == 0, "%s", error ? error->message : "");
        return config;
}

/* The message, without the path before the line number. */
static char *read_error(const char *text)
{
        g_autofree char *path = write_file(text, strlen(text));
        struct config *config = NULL;
        g_autoptr(GError) error = NULL;
        int r = config_read(path, true, &config, &error);

        unlink(path);
        cr_assert(r == -EINVAL && error && error->code == EINVAL, "%s", text);
        cr_assert(g_str_has_prefix(error->message, path));
        return g_strdup(error->message + strlen(path));
}

static void expect_error(const char *text, const char *message)
{
        g_autofree char *got = read_error(text);

        cr_assert_str_eq(got, message);
}

Test(config, all_keys)
{
        autoptr(config)
                c = read_text("# comment\n[cloister]\nids = 100000:655360, 2000000:65536\nmountpoint=/a b\n"
                              "control=/c\nstate=/s\nthreads=4 \nlog-level=debug\nannotations=a b;c\n"
                              "cpu-view=cpuset\ncgroup-view=view\nwritable-sysctl=always\n");

        cr_assert(c->n_ranges == 2 && c->ranges[0].start == 100000 && c->ranges[0].count == 655360);
        cr_assert(c->ranges[1].start == 2000000 && c->ranges[1].count == 65536);
        cr_assert_str_eq(c->mountpoint, "/a b");
        cr_assert_str_eq(c->control, "/c");
        cr_assert_str_eq(c->state, "/s");
        cr_assert_str_eq(c->log_level, "debug");
        cr_assert(c->threads == 4 && g_strv_length(c->annotations) == 3);
        cr_assert(c->cpu_view == CONFIG_CPU_CPUSET && c->cgroup_view == CONFIG_CGROUP_VIEW);
        cr_assert(c->writable_sysctl == CONFIG_SYSCTL_ALWAYS && c->warnings->len == 0);
}

Test(config, empty)
{
        autoptr(config) c = read_text("");

        cr_assert(c->n_ranges == 0 && c->mountpoint == NULL && c->threads == 0 && c->annotations[0] == NULL);
        cr_assert(c->cpu_view == CONFIG_CPU_QUOTA && c->cgroup_view == CONFIG_CGROUP_NATIVE);
}

Test(config, missing)
{
        autoptr(config) c = NULL;
        struct config *none = NULL;
        g_autoptr(GError) error = NULL;

        cr_assert(config_read("/nonexistent/cloister.conf", false, &c, &error) == 0 && !error);
        cr_assert(config_read("/nonexistent/cloister.conf", true, &none, &error) == -ENOENT);
        cr_assert(strstr(error->message, "/nonexistent/cloister.conf"));
}

Test(config, unknown_keys_warn)
{
        autoptr(config) c = read_text("[cloister]\nthreads=2\nfuture=1\n\n[other]\na=1\n");

        cr_assert(c->threads == 2 && c->warnings->len == 2);
        cr_assert(strstr(g_ptr_array_index(c->warnings, 0), ":5: group [other] is unknown"));
        cr_assert(strstr(g_ptr_array_index(c->warnings, 1), ":3: key future is unknown"));
}

Test(config, errors_say_where)
{
        expect_error("[cloister]\n\nthreads=0\n", ":3: threads=0: not a number from 1 to 256");
        expect_error("[cloister]\nthreads=1\n threads = 300 \n",
                     ":3: threads=300 : not a number from 1 to 256");
        expect_error("[cloister]\nlog-level=loud\n",
                     ":2: log-level=loud: not one of error, warning, info or debug");
        expect_error("[cloister]\nstate=run\n", ":2: state=run: not an absolute path");
        expect_error("[cloister]\nids=100000\n",
                     ":2: ids=100000: write ranges as start:count, for example 100000:655360");
        expect_error("[cloister]\nids=1:5,5:1\n", ":2: ids=1:5,5:1: two of the ranges overlap");
        expect_error("[cloister]\nids=0:65536\n",
                     ":2: ids=0:65536: a range is empty, begins at 0 or reaches beyond 4294967294");
        expect_error("[cloister]\nids=4294901760:65536\n",
                     ":2: ids=4294901760:65536: a range is empty, begins at 0 or reaches beyond 4294967294");
}

Test(config, no_key_file)
{
        g_autofree char *path = write_file("ids=1:2\n", 8);
        struct config *config = NULL;
        g_autoptr(GError) error = NULL;

        cr_assert(config_read(path, true, &config, &error) == -EINVAL && error);
        unlink(path);
        g_autofree char *binary = write_file("[cloister]\nids=\0\xff\n", 18);
        g_clear_error(&error);
        cr_assert(config_read(binary, true, &config, &error) < 0 && error);
        unlink(binary);
}

static int add_subids(const char *uids, const char *gids, struct config *config, GError **error)
{
        g_autofree char *subuid = write_file(uids, strlen(uids)), *subgid = write_file(gids, strlen(gids));
        int r = config_add_subids(config, subuid, subgid, "cloister", error);

        unlink(subuid);
        unlink(subgid);
        return r;
}

Test(config, subids)
{
        autoptr(config) c = read_text("");
        g_autoptr(GError) error = NULL;

        cr_assert(add_subids("root:1:2\ncloister:300000:65536\ncloister:100000:65536\ncloisterx:5:5\n",
                             "cloister:100000:65536\ncloister:300000:65536", c, &error) == 0);
        cr_assert(c->n_ranges == 2 && c->ranges[0].start == 100000 && c->ranges[1].start == 300000);
}

Test(config, subids_disagree)
{
        autoptr(config) c = read_text("");
        g_autoptr(GError) error = NULL;

        cr_assert(add_subids("cloister:100000:65536\n", "cloister:100000:65535\n", c, &error) == -EINVAL);
        cr_assert(strstr(error->message, "different ranges") && c->n_ranges == 0);
        g_clear_error(&error);
        cr_assert(add_subids("cloister:100000:65536\n", "", c, &error) == -EINVAL && error);
        g_clear_error(&error);
        cr_assert(add_subids("a:1:1\ncloister:x:65536\n", "", c, &error) == -EINVAL);
        cr_assert(strstr(error->message, ":2: cloister:x:65536: "));
}

Test(config, ids_go_before_subids)
{
        autoptr(config) c = read_text("[cloister]\nids=5:5\n");

        cr_assert(add_subids("cloister:junk", "", c, NULL) == 0 && c->n_ranges == 1);
        cr_assert(config_add_subids(c, "/nonexistent", "/nonexistent", "cloister", NULL) == 0);
}

Test(config, no_subids)
{
        autoptr(config) c = read_text("");

        cr_assert(config_add_subids(c, "/nonexistent", "/nonexistent", "cloister", NULL) == 0);
        cr_assert(c->n_ranges == 0);
}
