/* The commands that ask cloisterd. */
#include "bin/cloisterctl.h"

#include "client/cloister.h"
#include "proto/varlink.h"

#include <glib.h>
#include <string.h>

static int fail(const GError *error)
{
        g_autofree char *text = table_escape(error->message);

        fprintf(stderr, "cloisterctl: %s\n", text);
        return STATUS_FAILED;
}

/* One call on a connection of its own. parameters is taken over, NULL: {}. Returns the answer's parameters or
 * NULL (said why). */
static json_object *call(const struct cloisterctl_options *options, const char *method,
                         json_object *parameters)
{
        auto_json params = parameters;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        struct cloister *cloister = NULL;
        json_object *answer = NULL;
        int r = cloister_connect(options->control, &cloister, &error);

        if (r == 0)
                r = cloister_call(cloister, method, params ? json_object_to_json_string(params) : NULL, &text,
                                  &error);
        cloister_disconnect(cloister);
        if (r < 0) {
                fail(error);
                return NULL;
        }
        proto_parse_object(text, strlen(text), PROTO_REPLY_MAX, &answer);
        return answer;
}

static json_object *new_name(const char *name)
{
        json_object *parameters = json_object_new_object();

        json_object_object_add(parameters, "name", json_object_new_string(name));
        return parameters;
}

static json_object *get(json_object *object, const char *member)
{
        json_object *value = NULL;

        json_object_object_get_ex(object, member, &value);
        return value;
}

static const char *get_text(json_object *object, const char *member)
{
        json_object *value = get(object, member);

        return value ? json_object_get_string(value) : "";
}

static int64_t get_int(json_object *object, const char *member)
{
        return json_object_get_int64(get(object, member));
}

/* "3d 04:05:06" */
static char *format_uptime(json_object *object)
{
        unsigned long s = (unsigned long)json_object_get_double(get(object, "uptime"));

        return s >= 86400 ? g_strdup_printf("%lud %02lu:%02lu:%02lu", s / 86400, s / 3600 % 24, s / 60 % 60,
                                            s % 60)
                          : g_strdup_printf("%02lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
}

static void line(const char *name, const char *text)
{
        g_autofree char *escaped = table_escape(text);

        printf("%-15s %s\n", name, escaped);
}

static void line_int(const char *name, int64_t n)
{
        printf("%-15s %" G_GINT64_FORMAT "\n", name, n);
}

static void print_connection(json_object *connection)
{
        g_autofree char *text = g_strdup_printf(
                "%s at %s, FUSE 7.%d, %d open files", get_text(connection, "name"),
                get_text(connection, "mountpoint"), (int)get_int(connection, "fuseMinor"),
                (int)get_int(connection, "handles"));

        line("connection", text);
}

static void print_range(json_object *range)
{
        g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                                                get_int(range, "start"),
                                                get_int(range, "start") + get_int(range, "count") - 1);

        line("ids", text);
}

static void print_warning(json_object *warning)
{
        line("warning", json_object_get_string(warning));
}

static void for_each(json_object *object, const char *member, void (*fn)(json_object *element))
{
        json_object *array = get(object, member);

        for (size_t i = 0; json_object_is_type(array, json_type_array) && i < json_object_array_length(array);
             i++)
                fn(json_object_array_get_idx(array, i));
}

int cloisterctl_status(const struct cloisterctl_options *options, char **args)
{
        auto_json status = call(options, "Status", NULL);

        if (!status)
                return STATUS_FAILED;
        if (options->json) {
                print_json(status);
                return STATUS_GOOD;
        }
        g_autofree char *uptime = format_uptime(status);
        line("version", get_text(status, "version"));
        line("up", uptime);
        line_int("server", get_int(status, "serverPid"));
        line_int("keeper", get_int(status, "keeperPid"));
        line_int("restarts", get_int(status, "restarts"));
        line_int("containers", get_int(status, "containers"));
        line_int("leases", get_int(status, "leases"));
        for_each(status, "ranges", print_range);
        for_each(status, "connections", print_connection);
        for_each(status, "warnings", print_warning);
        return STATUS_GOOD;
}

int cloisterctl_list(const struct cloisterctl_options *options, char **args)
{
        static const char *const headings[] = {"KEY", "ID", "INIT", "IDS", "UP", "STATE", NULL};
        auto_json answer = call(options, "List", NULL);

        if (!answer)
                return STATUS_FAILED;
        if (options->json) {
                print_json(answer);
                return STATUS_GOOD;
        }
        struct table *table = table_new(headings);
        json_object *list = get(answer, "containers");
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *container = json_object_array_get_idx(list, i);
                g_autofree char *uptime = format_uptime(container);
                table_add(table, get_text(container, "key"));
                table_add(table, get_text(container, "id"));
                table_add_int(table, get_int(container, "init"));
                table_add_int(table, get_int(container, "uid"));
                table_add(table, uptime);
                table_add(table, json_object_get_boolean(get(container, "alive")) ? "running" : "ended");
        }
        table_print(table, stdout);
        table_free(table);
        return STATUS_GOOD;
}

static void print_map(json_object *object, const char *member, const char *label)
{
        json_object *map = get(object, member);

        if (!json_object_is_type(map, json_type_object))
                return;
        json_object_object_foreach(map, name, value)
        {
                g_autofree char *text = g_strdup_printf("%s = %s", name, json_object_get_string(value));
                line(label, text);
        }
}

static void print_container(json_object *c)
{
        g_autofree char *uptime = format_uptime(c);

        line("key", get_text(c, "key"));
        line("id", get_text(c, "id"));
        line("runtime root", get_text(c, "root"));
        line("bundle", get_text(c, "bundle"));
        line("state", json_object_get_boolean(get(c, "alive")) ? "running" : "ended; processes may be left");
        line("up", uptime);
        line_int("init", get_int(c, "init"));
        line_int("root's uid", get_int(c, "uid"));
        line_int("root's gid", get_int(c, "gid"));
        line_int("leased ids from", get_int(c, "rangeStart"));
        line_int("serial", get_int(c, "serial"));
        line_int("user namespace", get_int(c, "userNamespace"));
        line_int("PID namespace", get_int(c, "pidNamespace"));
        print_map(c, "cgroups", "cgroup");
        print_map(c, "sysctl", "sysctl");
}

int cloisterctl_inspect(const struct cloisterctl_options *options, char **args)
{
        auto_json answer = call(options, "Get", new_name(args[0]));

        if (!answer)
                return STATUS_FAILED;
        if (options->json)
                print_json(get(answer, "container"));
        else
                print_container(get(answer, "container"));
        return STATUS_GOOD;
}

int cloisterctl_get(const struct cloisterctl_options *options, char **args)
{
        json_object *parameters = new_name(args[0]);

        json_object_object_add(parameters, "path", json_object_new_string(args[1]));
        auto_json answer = call(options, "Render", parameters);
        if (!answer)
                return STATUS_FAILED;
        if (options->json)
                print_json(answer);
        else
                fputs(get_text(answer, "text"), stdout);
        return STATUS_GOOD;
}

int cloisterctl_set(const struct cloisterctl_options *options, char **args)
{
        const char *equals = strchr(args[1], '=');

        if (!equals || equals == args[1]) {
                fprintf(stderr, "cloisterctl: '%s' is not NAME=VALUE: set web vm.swappiness=10\n", args[1]);
                return STATUS_USAGE;
        }
        g_autofree char *name = g_strndup(args[1], (gsize)(equals - args[1]));
        json_object *parameters = new_name(args[0]);
        json_object_object_add(parameters, "sysctl", json_object_new_string(g_strstrip(name)));
        json_object_object_add(parameters, "value", json_object_new_string(equals + 1));
        auto_json answer = call(options, "SetSysctl", parameters);
        if (!answer)
                return STATUS_FAILED;
        if (options->json)
                print_json(answer);
        return STATUS_GOOD;
}

int cloisterctl_reload(const struct cloisterctl_options *options, char **args)
{
        auto_json answer = call(options, "Reload", NULL);

        if (!answer)
                return STATUS_FAILED;
        if (options->json)
                print_json(answer);
        return STATUS_GOOD;
}
