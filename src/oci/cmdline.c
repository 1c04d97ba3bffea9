#include "oci/cmdline.h"

#include "oci/spec.h"

#include <errno.h>
#include <string.h>

/* An option that takes a value. at: where in struct cmdline it goes, or -1; keep: the runtime gets it too. */
struct option {
        const char *name;
        char letter;
        ptrdiff_t at;
        bool keep;
};

#define AT(member) offsetof(struct cmdline, member)

static const struct option global_options[] = {
        {"runtime-binary", 0, AT(runtime), false},
        {"control", 0, AT(control), false},
        {"rundir", 0, AT(rundir), false},
        {"hook", 0, AT(hook), false},
        {"views", 0, AT(views), false},
        {"cgroup-view", 0, AT(cgroup_view), false},
        {"root", 0, AT(root), true},
        {"log", 0, AT(log), true},
        {"log-format", 0, AT(log_format), true},
        {"log-level", 0, -1, true},
        {"criu", 0, -1, true},
        {"rootless", 0, -1, true},
        {"cgroup-manager", 0, -1, true},
        {NULL, 0, -1, false},
};

static const struct option create_options[] = {
        {"bundle", 'b', AT(bundle), false}, {"console-socket", 0, AT(console_socket), false},
        {"config", 'f', AT(config), false}, {"pid-file", 0, -1, true},
        {"preserve-fds", 0, -1, true},      {NULL, 0, -1, false},
};

static const struct option no_options[] = {{NULL, 0, -1, false}};

void cmdline_free(struct cmdline *cmdline)
{
        if (!cmdline)
                return;
        char *const strings[] = {
                cmdline->runtime,        cmdline->control,    cmdline->rundir, cmdline->hook,
                cmdline->views,          cmdline->root,       cmdline->log,    cmdline->log_format,
                cmdline->command,        cmdline->id,         cmdline->bundle, cmdline->config,
                cmdline->console_socket, cmdline->cgroup_view};
        for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
                g_free(strings[i]);
        g_ptr_array_unref(cmdline->globals);
        g_ptr_array_unref(cmdline->rest);
        g_free(cmdline);
}

bool cmdline_makes(const struct cmdline *cmdline)
{
        return cmdline->command &&
               (g_str_equal(cmdline->command, "create") || g_str_equal(cmdline->command, "run"));
}

/* The option that arg names, and its "=value" if it has one (*ret_value NULL otherwise). Go's flag package
 * takes one dash for two. */
static const struct option *find_option(const struct option *table, const char *arg, const char **ret_value)
{
        const char *name = arg + (arg[1] == '-' ? 2 : 1);
        size_t len = strcspn(name, "=");

        *ret_value = name[len] == '=' ? name + len + 1 : NULL;
        for (; table->name; table++) {
                if (strlen(table->name) == len && strncmp(table->name, name, len) == 0)
                        return table;
                if (table->letter && len == 1 && name[0] == table->letter)
                        return table;
        }
        return NULL;
}

static bool is_help(const char *arg)
{
        static const char *const names[] = {"--help",   "-help", "-h", "--version",
                                            "-version", "-v",    "-V", NULL};

        return g_strv_contains(names, arg);
}

struct scan {
        struct cmdline *cmdline;
        int argc, at;
        char *const *argv;
};

static void store(struct cmdline *cmdline, const struct option *option, const char *value)
{
        if (option->at < 0)
                return;
        char **slot = (char **)((char *)cmdline + option->at);
        g_free(*slot);
        *slot = g_strdup(value);
}

/* Takes the option at scan->at and its value; what the runtime is to get goes to kept. */
static int take_option(struct scan *scan, const struct option *table, GPtrArray *kept, GError **error)
{
        const char *arg = scan->argv[scan->at++], *value;
        const struct option *option = find_option(table, arg, &value);
        bool separate = option && !value;

        if (separate && scan->at == scan->argc)
                return spec_fail(error, -EINVAL, "option %s needs a value", arg);
        if (separate)
                value = scan->argv[scan->at++];
        if (option)
                store(scan->cmdline, option, value);
        if (!option || option->keep)
                g_ptr_array_add(kept, g_strdup(arg));
        if (separate && option->keep)
                g_ptr_array_add(kept, g_strdup(value));
        scan->cmdline->help |= is_help(arg);
        return 0;
}

static int take_globals(struct scan *scan, GError **error)
{
        int r = 0;

        while (r == 0 && scan->at < scan->argc && scan->argv[scan->at][0] == '-')
                r = take_option(scan, global_options, scan->cmdline->globals, error);
        if (r == 0 && scan->at < scan->argc)
                scan->cmdline->command = g_strdup(scan->argv[scan->at++]);
        return r;
}

/* Options may stand before and after the id; after "--" there are none. */
static int take_rest(struct scan *scan, GError **error)
{
        struct cmdline *cmdline = scan->cmdline;
        const struct option *table = cmdline_makes(cmdline) ? create_options : no_options;
        bool options = true;
        int r = 0;

        while (r == 0 && scan->at < scan->argc) {
                const char *arg = scan->argv[scan->at];
                if (options && arg[0] == '-' && arg[1] != '\0' && !g_str_equal(arg, "--")) {
                        r = take_option(scan, table, cmdline->rest, error);
                        continue;
                }
                if (g_str_equal(arg, "--") && options)
                        options = false;
                else if (!cmdline->id)
                        cmdline->id = g_strdup(arg);
                g_ptr_array_add(cmdline->rest, g_strdup(arg));
                scan->at++;
        }
        return r;
}

int cmdline_parse(int argc, char *const *argv, struct cmdline **ret, GError **error)
{
        autoptr(cmdline) cmdline = g_new0(struct cmdline, 1);
        struct scan scan = {cmdline, argc, 1, argv};

        cmdline->globals = g_ptr_array_new_with_free_func(g_free);
        cmdline->rest = g_ptr_array_new_with_free_func(g_free);
        int r = take_globals(&scan, error);
        if (r == 0)
                r = take_rest(&scan, error);
        if (r == 0)
                *ret = g_steal_pointer(&cmdline);
        return r;
}

static void add_all(GPtrArray *out, const GPtrArray *from)
{
        for (guint i = 0; i < from->len; i++)
                g_ptr_array_add(out, from->pdata[i]);
}

static void add_pair(GPtrArray *out, const char *name, const char *value)
{
        g_ptr_array_add(out, (gpointer)name);
        g_ptr_array_add(out, (gpointer)value);
}

GPtrArray *cmdline_build(const struct cmdline *cmdline, const char *runtime, const char *bundle,
                         const char *console_socket)
{
        GPtrArray *out = g_ptr_array_new();

        g_ptr_array_add(out, (gpointer)runtime);
        add_all(out, cmdline->globals);
        if (cmdline->command)
                g_ptr_array_add(out, cmdline->command);
        if (bundle)
                add_pair(out, "--bundle", bundle);
        if (console_socket)
                add_pair(out, "--console-socket", console_socket);
        add_all(out, cmdline->rest);
        g_ptr_array_add(out, NULL);
        return out;
}
