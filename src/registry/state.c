#include "registry/state.h"

#include "base/num.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define GROUP_CONTAINER "container"
#define GROUP_LEASE "lease"
#define GROUP_RAISE "raise"
#define GROUP_SERVER "server"
#define GROUP_SYSCTL "sysctl"

static void put_text(GKeyFile *file, const char *group, const char *key, const char *text)
{
        g_autofree char *escaped = g_strescape(text, NULL);
        g_autofree char *quoted = g_strdup_printf("\"%s\"", escaped);

        g_key_file_set_value(file, group, key, quoted);
}

/* The closing quote is itself escaped: the value goes on where the text ends. */
static bool ends_escaped(const char *text, size_t len)
{
        size_t n = 0;

        while (n < len && text[len - 1 - n] == '\\')
                n++;
        return n % 2 == 1;
}

static int get_text(GKeyFile *file, const char *group, const char *key, char **ret)
{
        g_autofree char *quoted = g_key_file_get_value(file, group, key, NULL);
        size_t len = quoted ? strlen(quoted) : 0;

        if (len < 2 || quoted[0] != '"' || quoted[len - 1] != '"' || ends_escaped(quoted, len - 1))
                return -EBADMSG;
        quoted[len - 1] = '\0';
        g_free(*ret);
        *ret = g_strcompress(quoted + 1);
        return 0;
}

static int get_number(GKeyFile *file, const char *group, const char *key, uint64_t max, uint64_t *ret)
{
        g_autofree char *text = g_key_file_get_value(file, group, key, NULL);
        uint64_t value;

        if (!text || num_parse_u64(text, &value) < 0 || value > max)
                return -EBADMSG;
        *ret = value;
        return 0;
}

static int parse_file(const char *text, size_t len, const char *group, GKeyFile **ret)
{
        g_autoptr(GKeyFile) file = g_key_file_new();
        uint64_t version;

        if (len > STATE_SIZE_MAX)
                return -EFBIG;
        if (!g_key_file_load_from_data(file, text, len, G_KEY_FILE_KEEP_COMMENTS, NULL) ||
            get_number(file, group, "version", UINT32_MAX, &version) < 0 || version == 0)
                return -EBADMSG;
        if (version > STATE_VERSION)
                return -ENOTSUP;
        *ret = g_steal_pointer(&file);
        return 0;
}

static GKeyFile *begin_file(GKeyFile *kept, const char *group)
{
        GKeyFile *file = kept ? g_key_file_ref(kept) : g_key_file_new();

        g_key_file_set_uint64(file, group, "version", STATE_VERSION);
        return file;
}

/* Counted, so that a file that was cut short is not taken for one with fewer values. */
static void put_sysctl(const char *name, const char *text, void *data)
{
        GKeyFile *file = data;
        g_autofree char *key = g_uri_escape_string(name, "/", FALSE);
        guint64 n = g_key_file_get_uint64(file, GROUP_CONTAINER, "sysctls", NULL);

        put_text(file, GROUP_SYSCTL, key, text);
        g_key_file_set_uint64(file, GROUP_CONTAINER, "sysctls", n + 1);
}

static void put_raise(const char *name, const struct sysctl_raise *raise, void *data)
{
        GKeyFile *file = data;
        g_autofree char *key = g_uri_escape_string(name, "/", FALSE);
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, raise->old,
                                                raise->now);

        put_text(file, GROUP_RAISE, key, text);
        guint64 n = g_key_file_get_uint64(file, GROUP_CONTAINER, "raises", NULL);
        g_key_file_set_uint64(file, GROUP_CONTAINER, "raises", n + 1);
}

char *state_render_container(const struct container *container, GKeyFile *kept)
{
        static const char *const g = GROUP_CONTAINER;
        g_autoptr(GKeyFile) file = begin_file(kept, g);

        put_text(file, g, "key", container->key);
        put_text(file, g, "id", container->id);
        put_text(file, g, "root", container->root);
        put_text(file, g, "bundle", container->bundle);
        put_text(file, g, "token", container->token);
        g_key_file_set_uint64(file, g, "serial", container->serial);
        g_key_file_set_uint64(file, g, "init", (guint64)container->init);
        g_key_file_set_uint64(file, g, "start-ns", container->start_ns);
        g_key_file_set_uint64(file, g, "user-ns", container->user_ns);
        g_key_file_set_uint64(file, g, "pid-ns", container->pid_ns);
        g_key_file_set_uint64(file, g, "range-start", container->range_start);
        g_key_file_set_uint64(file, g, "sysctls", 0);
        g_key_file_remove_group(file, GROUP_SYSCTL, NULL);
        sysctl_store_foreach(container->sysctls, put_sysctl, file);
        g_key_file_remove_key(file, g, "raises", NULL);
        g_key_file_remove_group(file, GROUP_RAISE, NULL);
        sysctl_store_foreach_raise(container->sysctls, put_raise, file);
        return g_key_file_to_data(file, NULL, NULL);
}

static int get_texts(struct state_container *state)
{
        static const char *const g = GROUP_CONTAINER;
        GKeyFile *file = state->file;

        if (get_text(file, g, "key", &state->key) < 0 || get_text(file, g, "id", &state->id) < 0 ||
            get_text(file, g, "root", &state->root) < 0 || get_text(file, g, "bundle", &state->bundle) < 0 ||
            get_text(file, g, "token", &state->token) < 0)
                return -EBADMSG;
        return 0;
}

static int get_numbers(struct state_container *state)
{
        static const char *const g = GROUP_CONTAINER;
        GKeyFile *file = state->file;
        uint64_t serial, init, start, user_ns, pid_ns, range;

        if (get_number(file, g, "serial", UINT32_MAX, &serial) < 0 || serial == 0 ||
            get_number(file, g, "init", INT32_MAX, &init) < 0 || init == 0 ||
            get_number(file, g, "start-ns", UINT64_MAX, &start) < 0 ||
            get_number(file, g, "user-ns", UINT64_MAX, &user_ns) < 0 ||
            get_number(file, g, "pid-ns", UINT64_MAX, &pid_ns) < 0 ||
            get_number(file, g, "range-start", UINT32_MAX, &range) < 0)
                return -EBADMSG;
        state->serial = (uint32_t)serial;
        state->init = (pid_t)init;
        state->start_ns = start;
        state->user_ns = user_ns;
        state->pid_ns = pid_ns;
        state->range_start = (uint32_t)range;
        return 0;
}

static int get_sysctls(struct state_container *state)
{
        g_auto(GStrv) keys = g_key_file_get_keys(state->file, GROUP_SYSCTL, NULL, NULL);
        size_t n = keys ? g_strv_length(keys) : 0;
        uint64_t count;

        if (get_number(state->file, GROUP_CONTAINER, "sysctls", SIZE_MAX, &count) < 0 || count != n)
                return -EBADMSG;
        for (size_t i = 0; i < n; i++) {
                g_autofree char *name = g_uri_unescape_string(keys[i], NULL), *text = NULL;

                if (!name || get_text(state->file, GROUP_SYSCTL, keys[i], &text) < 0)
                        return -EBADMSG;
                sysctl_store_set(state->sysctls, name, text);
        }
        return 0;
}

static int parse_raise(const char *text, struct sysctl_raise *ret)
{
        g_auto(GStrv) words = g_strsplit(text, " ", 3);

        if (g_strv_length(words) != 2 || num_parse_u64(words[0], &ret->old) < 0 ||
            num_parse_u64(words[1], &ret->now) < 0)
                return -EBADMSG;
        return 0;
}

static int get_raises(struct state_container *state)
{
        g_auto(GStrv) keys = g_key_file_get_keys(state->file, GROUP_RAISE, NULL, NULL);

        /* files of before have no number, and none of these */
        if (g_key_file_get_uint64(state->file, GROUP_CONTAINER, "raises", NULL) !=
            (keys ? g_strv_length(keys) : 0))
                return -EBADMSG;
        for (char **key = keys; key && *key; key++) {
                g_autofree char *name = g_uri_unescape_string(*key, NULL), *text = NULL;
                struct sysctl_raise raise;

                if (!name || get_text(state->file, GROUP_RAISE, *key, &text) < 0 ||
                    parse_raise(text, &raise) < 0)
                        return -EBADMSG;
                sysctl_store_note_raise(state->sysctls, name, &raise);
        }
        return 0;
}

int state_parse_container(const char *text, size_t len, struct state_container **ret)
{
        autoptr(state_container) state = g_new0(struct state_container, 1);
        int r = parse_file(text, len, GROUP_CONTAINER, &state->file);

        state->sysctls = sysctl_store_new();
        if (r == 0)
                r = get_texts(state);
        if (r == 0)
                r = get_numbers(state);
        if (r == 0)
                r = get_sysctls(state);
        if (r == 0)
                r = get_raises(state);
        if (r < 0)
                return r;
        *ret = g_steal_pointer(&state);
        return 0;
}

void state_container_free(struct state_container *state)
{
        if (!state)
                return;
        g_free(state->key);
        g_free(state->id);
        g_free(state->root);
        g_free(state->bundle);
        g_free(state->token);
        sysctl_store_unref(state->sysctls);
        if (state->file)
                g_key_file_unref(state->file);
        g_free(state);
}

char *state_render_lease(const struct ids_lease *lease, GKeyFile *kept)
{
        static const char *const g = GROUP_LEASE;
        g_autoptr(GKeyFile) file = begin_file(kept, g);

        put_text(file, g, "key", lease->key);
        g_key_file_set_uint64(file, g, "start", lease->start);
        g_key_file_set_uint64(file, g, "size", lease->size);
        g_key_file_set_uint64(file, g, "holder", (guint64)lease->holder);
        g_key_file_set_uint64(file, g, "start-ns", lease->start_ns);
        g_key_file_set_uint64(file, g, "user-ns", lease->user_ns);
        return g_key_file_to_data(file, NULL, NULL);
}

int state_parse_lease(const char *text, size_t len, struct ids_lease *ret, GKeyFile **ret_file)
{
        static const char *const g = GROUP_LEASE;
        g_autoptr(GKeyFile) file = NULL;
        g_autofree char *key = NULL;
        uint64_t start, size, holder, start_ns, user_ns;
        int r = parse_file(text, len, g, &file);

        if (r < 0)
                return r;
        if (get_text(file, g, "key", &key) < 0 || strlen(key) >= sizeof(ret->key) ||
            get_number(file, g, "start", UINT32_MAX, &start) < 0 ||
            get_number(file, g, "size", UINT32_MAX, &size) < 0 || size == 0 ||
            get_number(file, g, "holder", INT32_MAX, &holder) < 0 ||
            get_number(file, g, "start-ns", UINT64_MAX, &start_ns) < 0 ||
            get_number(file, g, "user-ns", UINT64_MAX, &user_ns) < 0)
                return -EBADMSG;
        *ret = (struct ids_lease){.start = (uint32_t)start,
                                  .size = (uint32_t)size,
                                  .holder = (pid_t)holder,
                                  .pidfd = -1,
                                  .start_ns = start_ns,
                                  .user_ns = user_ns};
        g_strlcpy(ret->key, key, sizeof(ret->key));
        *ret_file = g_steal_pointer(&file);
        return 0;
}

char *state_render_serial(uint32_t serial)
{
        g_autoptr(GKeyFile) file = begin_file(NULL, GROUP_SERVER);

        g_key_file_set_uint64(file, GROUP_SERVER, "serial", serial);
        return g_key_file_to_data(file, NULL, NULL);
}

int state_parse_serial(const char *text, size_t len, uint32_t *ret)
{
        g_autoptr(GKeyFile) file = NULL;
        uint64_t serial;
        int r = parse_file(text, len, GROUP_SERVER, &file);

        if (r < 0)
                return r;
        if (get_number(file, GROUP_SERVER, "serial", UINT32_MAX, &serial) < 0)
                return -EBADMSG;
        *ret = (uint32_t)serial;
        return 0;
}
