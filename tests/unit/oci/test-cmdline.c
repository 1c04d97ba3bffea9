#include "oci/cmdline.h"

#include <criterion/criterion.h>
#include <errno.h>

/* Parses a line of words. */
static struct cmdline *parse(const char *line, GError **error)
{
        g_auto(GStrv) words = g_strsplit(line, " ", -1);
        struct cmdline *cmdline = NULL;
        int r = cmdline_parse((int)g_strv_length(words), words, &cmdline, error);

        cr_assert_eq(r, cmdline ? 0 : -EINVAL);
        return cmdline;
}

static void rebuilds(const char *line, const char *bundle, const char *console, const char *wanted)
{
        g_autoptr(GError) error = NULL;
        autoptr(cmdline) cmdline = parse(line, &error);

        cr_assert_not_null(cmdline);
        g_autoptr(GPtrArray) argv = cmdline_build(cmdline, "/usr/sbin/runc", bundle, console);
        g_autofree char *got = g_strjoinv(" ", (char **)argv->pdata);
        cr_assert_str_eq(got, wanted);
}

Test(cmdline, docker_create)
{
        g_autoptr(GError) error = NULL;
        autoptr(cmdline)
                cmdline = parse("cloister-runc --control /c --root /run/x --log /l --log-format json create "
                                "--bundle /b --pid-file /p abc",
                                &error);

        cr_assert(cmdline_makes(cmdline));
        cr_assert_str_eq(cmdline->control, "/c");
        cr_assert_str_eq(cmdline->root, "/run/x");
        cr_assert_str_eq(cmdline->log, "/l");
        cr_assert_str_eq(cmdline->log_format, "json");
        cr_assert_str_eq(cmdline->bundle, "/b");
        cr_assert_str_eq(cmdline->id, "abc");
}

Test(cmdline, ours_are_taken_out_and_the_rest_kept)
{
        rebuilds("x --control /c --runtime-binary=/r --root /run/x --debug --unknown=1 create --bundle /b "
                 "--pid-file /p "
                 "--no-pivot abc",
                 "/ours", NULL,
                 "/usr/sbin/runc --root /run/x --debug --unknown=1 create --bundle /ours --pid-file /p "
                 "--no-pivot abc");
        rebuilds("x run -b /b --console-socket=s abc -d", "/ours", "/b/s",
                 "/usr/sbin/runc run --bundle /ours --console-socket /b/s abc -d");
        rebuilds("x -root /r run -bundle /b abc", "/ours", NULL,
                 "/usr/sbin/runc -root /r run --bundle /ours abc");
        rebuilds("x create -f spec.json abc", "/ours", NULL, "/usr/sbin/runc create --bundle /ours abc");
}

Test(cmdline, other_commands_pass_unchanged)
{
        rebuilds("x --root /r exec -e A=b --tty abc sh -b x --bundle y", NULL, NULL,
                 "/usr/sbin/runc --root /r exec -e A=b --tty abc sh -b x --bundle y");
        rebuilds("x delete --force abc", NULL, NULL, "/usr/sbin/runc delete --force abc");
        rebuilds("x --version", NULL, NULL, "/usr/sbin/runc --version");
        rebuilds("x", NULL, NULL, "/usr/sbin/runc");
}

Test(cmdline, ids_are_found)
{
        static const struct {
                const char *line, *id;
        } cases[] = {{"x delete --force abc", "abc"},
                     {"x delete abc --force", "abc"},
                     {"x create abc --bundle /b", "abc"},
                     {"x create --bundle /b -- -abc", "-abc"},
                     {"x create --preserve-fds 2 abc", "abc"}};

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                autoptr(cmdline) cmdline = parse(cases[i].line, &error);
                cr_assert_str_eq(cmdline->id, cases[i].id, "%s", cases[i].line);
        }
}

Test(cmdline, a_missing_value_is_an_error)
{
        static const char *const lines[] = {"x --root", "x create --bundle", "x run abc -b"};

        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                g_autoptr(GError) error = NULL;
                cr_assert_null(parse(lines[i], &error));
                cr_assert_not_null(error);
        }
}
