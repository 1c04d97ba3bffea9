#include "registry/state.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct container *make(const char *id)
{
        struct container_init init = {
                .pid = 4711, .pidfd = -1, .start_ns = UINT64_MAX, .user_ns = 4026532177, .pid_ns = 2};
        struct container *c = container_new(CONTAINER_REGISTERED, 9, "/run/r oot", id, "", &init, NULL);

        g_strlcpy(c->key, "0123456789abcdef", sizeof(c->key));
        g_free(c->token);
        c->token = g_strdup("t0ken");
        c->range_start = 4294901760;
        return c;
}

static void round_trip(const char *id, const char *name, const char *value)
{
        autoptr(container) c = make(id);
        autoptr(state_container) state = NULL;

        sysctl_store_set(c->sysctls, name, value);
        g_autofree char *text = state_render_container(c, NULL);
        cr_assert(state_parse_container(text, strlen(text), &state) == 0, "%s", text);
        cr_assert_str_eq(state->id, id);
        cr_assert_str_eq(state->root, "/run/r oot");
        cr_assert_str_eq(state->bundle, "");
        cr_assert_str_eq(state->token, "t0ken");
        cr_assert_str_eq(state->key, "0123456789abcdef");
        cr_assert(state->serial == 9 && state->init == 4711 && state->start_ns == UINT64_MAX);
        cr_assert(state->user_ns == 4026532177 && state->pid_ns == 2 && state->range_start == 4294901760);
        g_autofree char *kept = sysctl_store_get(state->sysctls, name);
        cr_assert_str_eq(kept, value);
        cr_assert_eq(sysctl_store_generation(state->sysctls), 1);
}

Test(state, raises)
{
        autoptr(container) c = make("web");
        autoptr(state_container) state = NULL;
        const struct sysctl_raise raise = {100, UINT64_MAX}, lower = {200, 300};
        struct sysctl_raise got;

        sysctl_store_note_raise(c->sysctls, "vm/max_map_count", &raise);
        sysctl_store_note_raise(c->sysctls, "vm/max_map_count", &lower);
        g_autofree char *text = state_render_container(c, NULL);
        cr_assert(state_parse_container(text, strlen(text), &state) == 0, "%s", text);
        cr_assert(sysctl_store_find_raise(state->sysctls, "vm/max_map_count", &got));
        cr_assert(got.old == 100 && got.now == UINT64_MAX);
        cr_assert(!sysctl_store_find_raise(state->sysctls, "vm/swappiness", NULL));
}

Test(state, container)
{
        round_trip("web", "vm/swappiness", "10");
        round_trip("../a\nb]\n[sysctl]\nx=\"1\"", "net/ipv4/conf/eth0.1/forwarding", "1\t2\t3");
        round_trip(" \"\\\xff\xfe;# ", "a=b[c] \n%41", "\"\n\\ ");
        round_trip("", "k", "");
}

Test(state, long_id)
{
        g_autofree char *id = g_strnfill(65536, '\\');

        round_trip(id, "k", id);
}

Test(state, unknown_keys_are_kept)
{
        autoptr(container) c = make("web");
        autoptr(state_container) state = NULL;
        g_autofree char *text = state_render_container(c, NULL);
        g_autofree char *later = g_strconcat(text, "\n# a later version\n[views]\nlocked=true\n", NULL);

        cr_assert(state_parse_container(later, strlen(later), &state) == 0);
        sysctl_store_set(c->sysctls, "vm/swappiness", "1");
        g_autofree char *again = state_render_container(c, state->file);
        cr_assert(strstr(again, "[views]\nlocked=true"), "%s", again);
        cr_assert(strstr(again, "# a later version"));
        cr_assert(strstr(again, "vm/swappiness=\"1\""));
}

/* Whatever a file is cut down to, it is refused: never a container with fewer values. */
Test(state, torn)
{
        autoptr(container) c = make("web");

        sysctl_store_set(c->sysctls, "vm/swappiness", "10");
        g_autofree char *text = state_render_container(c, NULL);
        for (size_t len = 0; len + 1 < strlen(text); len++) {
                autoptr(state_container) state = NULL;
                int r = state_parse_container(text, len, &state);
                cr_assert(r == -EBADMSG, "%zu: %d\n%.*s", len, r, (int)len, text);
        }
}

Test(state, foreign)
{
        static const char *const bad[] = {"",
                                          "hello",
                                          "[container]\n",
                                          "[lease]\nversion=1\n",
                                          "[container]\nversion=0\n",
                                          "[container]\nversion=x\n",
                                          "\x7f\x45\x4c\x46"};
        autoptr(state_container) state = NULL;
        g_autofree char *huge = g_strnfill(STATE_SIZE_MAX + 1, '\n');

        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                cr_assert(state_parse_container(bad[i], strlen(bad[i]), &state) == -EBADMSG, "%s", bad[i]);
        cr_assert(state_parse_container("[container]\nversion=2\n", 22, &state) == -ENOTSUP);
        cr_assert(state_parse_container(huge, strlen(huge), &state) == -EFBIG);
}

/* Each value replaced by senseless ones. */
Test(state, senseless_values)
{
        static const char *const keys[] = {"key",  "id",       "token",       "serial",
                                           "init", "start-ns", "range-start", "sysctls"};
        static const char *const values[] = {"",    "-1",     "99999999999999999999", "x", "\"", "\"a",
                                             "1 2", "\"a\\\""};
        autoptr(container) c = make("web");
        g_autofree char *text = state_render_container(c, NULL);

        for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
                for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++) {
                        g_autoptr(GKeyFile) file = g_key_file_new();
                        autoptr(state_container) state = NULL;
                        g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, NULL);
                        g_key_file_set_value(file, "container", keys[k], values[v]);
                        g_autofree char *changed = g_key_file_to_data(file, NULL, NULL);
                        cr_assert(state_parse_container(changed, strlen(changed), &state) == -EBADMSG,
                                  "%s=%s", keys[k], values[v]);
                }
}

Test(state, lease)
{
        struct ids_lease lease = {.start = 100000,
                                  .size = 65536,
                                  .key = "0123456789abcdef",
                                  .holder = 12,
                                  .pidfd = 7,
                                  .start_ns = 99,
                                  .user_ns = 3};
        struct ids_lease got;
        g_autoptr(GKeyFile) file = NULL;
        g_autofree char *text = state_render_lease(&lease, NULL);

        cr_assert(state_parse_lease(text, strlen(text), &got, &file) == 0);
        cr_assert(got.start == 100000 && got.size == 65536 && got.holder == 12 && got.start_ns == 99);
        cr_assert(got.user_ns == 3 && got.pidfd == -1 && got.data == NULL);
        cr_assert_str_eq(got.key, "0123456789abcdef");
        g_autofree char *long_key = g_strdup_printf("%s\nkey=\"0123456789abcdef0\"\n", text);
        cr_assert(state_parse_lease(long_key, strlen(long_key), &got, &file) == -EBADMSG);
}

Test(state, serial)
{
        g_autofree char *text = state_render_serial(8388607);
        uint32_t serial = 0;

        cr_assert(state_parse_serial(text, strlen(text), &serial) == 0 && serial == 8388607);
        cr_assert(state_parse_serial("[server]\nversion=1\n", 19, &serial) == -EBADMSG && serial == 8388607);
}
