#include "oci/edit.h"
#include "oci/spec.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

static json_object *load(const char *name)
{
        g_autofree char *path = g_strconcat(SPECS "/", name, NULL);
        g_autoptr(GError) error = NULL;
        json_object *spec = NULL;

        cr_assert_eq(spec_read(path, SPEC_MAX_BYTES, &spec, &error), 0);
        return spec;
}

static json_object *parse(const char *text)
{
        g_autoptr(GError) error = NULL;
        json_object *spec = NULL;

        cr_assert_eq(spec_parse(text, strlen(text), "config.json", &spec, &error), 0, "%s", text);
        return spec;
}

/* The spec after an edit, as text without blanks. */
static void is_text(json_object *spec, const char *wanted)
{
        cr_assert_str_eq(
                json_object_to_json_string_ext(spec, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                wanted);
        json_object_put(spec);
}

Test(edit, user_namespace_is_added)
{
        json_object *spec = parse("{\"linux\":{\"namespaces\":[{\"type\":\"pid\"}],\"x\":1}}");
        g_autoptr(GError) error = NULL;

        cr_assert_eq(edit_add_user_namespace(spec, 100000, &error), 0);
        is_text(spec, "{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"user\"}],\"x\":1,"
                      "\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
                      "\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}]}}");
}

Test(edit, large_starts_stay_positive)
{
        json_object *spec = parse("{}");
        g_autoptr(GError) error = NULL;

        cr_assert_eq(edit_add_user_namespace(spec, 4294836224U, &error), 0);
        cr_assert(strstr(json_object_to_json_string(spec), "4294836224"));
        json_object_put(spec);
}

Test(edit, a_namespace_is_added_once)
{
        json_object *spec = parse("{}");
        g_autoptr(GError) error = NULL;

        cr_assert_eq(edit_add_namespace(spec, "cgroup", &error), 0);
        cr_assert_eq(edit_add_namespace(spec, "cgroup", &error), 0);
        is_text(spec, "{\"linux\":{\"namespaces\":[{\"type\":\"cgroup\"}]}}");
}

static int ids_of(const char *text, struct edit_ids *ret, GError **error)
{
        json_object *spec = parse(text);
        int r = edit_find_ids(spec, ret, error);

        cr_assert_eq(r < 0, *error != NULL);
        json_object_put(spec);
        return r;
}

#define MAPS(first, host, size)                                                                              \
        "{\"linux\":{\"uidMappings\":[{\"containerID\":" first ",\"hostID\":" host ",\"size\":" size "}],"   \
        "\"gidMappings\":[{\"containerID\":" first ",\"hostID\":" host ",\"size\":" size "}]}}"

Test(edit, own_mappings_are_read)
{
        g_autoptr(GError) error = NULL;
        struct edit_ids ids;

        cr_assert_eq(ids_of("{}", &ids, &error), 0);
        cr_assert(!ids.own);
        cr_assert_eq(ids_of(MAPS("0", "300000", "65536"), &ids, &error), 0);
        cr_assert(ids.own);
        cr_assert_eq(ids.uid, 300000);
        cr_assert_eq(ids.gid, 300000);
}

Test(edit, poor_mappings_are_refused)
{
        static const struct {
                const char *spec, *part;
                int r;
        } cases[] = {
                {MAPS("0", "300000", "1024"), "at least 65536", -EINVAL},
                {MAPS("1", "300000", "65536"), "none of them id 0", -EINVAL},
                {MAPS("0", "0", "65536"), "host's root", -EINVAL},
                {MAPS("0", "-1", "65536"), "host's root", -EINVAL},
                {MAPS("0", "4294967296", "65536"), "out of range", -EINVAL},
                {MAPS("0", "\"1\"", "65536"), "is no int", -EINVAL},
                {"{\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":9,\"size\":65536}]}}",
                 "user ids only", -EINVAL},
                {"{\"linux\":{\"uidMappings\":[1]}}", "no object", -EINVAL},
                {"{\"linux\":{\"namespaces\":[{\"type\":\"user\",\"path\":\"/proc/1/ns/user\"}]}}",
                 "/proc/1/ns/user", -EOPNOTSUPP},
                {"{\"linux\":{\"namespaces\":[1]}}", "no object", -EINVAL},
                {"{\"linux\":1}", "no object", -EINVAL},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                struct edit_ids ids;
                cr_assert_eq(ids_of(cases[i].spec, &ids, &error), cases[i].r, "%s", cases[i].spec);
                cr_assert(strstr(error->message, cases[i].part), "%s: %s", cases[i].spec, error->message);
        }
}

Test(edit, views_are_taken_and_nothing_else)
{
        static const char *const names[] = {"runc.json", "docker.json", "podman.json"};
        const int plain = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                json_object *spec = load(names[i]), *before = load(names[i]), *linux_member, *mounts;
                g_autoptr(GError) error = NULL;
                cr_assert_eq(edit_take_views(spec, &error), 0);
                cr_assert_eq(edit_take_sysctls(spec, &error), 0);
                json_object_object_get_ex(spec, "linux", &linux_member);
                json_object_object_get_ex(spec, "mounts", &mounts);
                cr_assert_null(
                        strstr(json_object_to_json_string_ext(mounts, plain), "\"destination\":\"/proc"));
                cr_assert_null(
                        strstr(json_object_to_json_string_ext(mounts, plain), "\"destination\":\"/sys"));
                cr_assert_not_null(strstr(json_object_to_json_string_ext(mounts, plain), "\"/dev/pts\""));
                cr_assert_null(strstr(json_object_to_json_string_ext(linux_member, plain), "\"/proc"));
                cr_assert(!json_object_object_get_ex(linux_member, "sysctl", NULL));
                cr_assert_geq(json_object_array_length(mounts), 4);
                json_object_object_foreach(before, name, value)
                {
                        json_object *now = NULL;
                        json_object_object_get_ex(spec, name, &now);
                        cr_assert(!strcmp(name, "mounts") || !strcmp(name, "linux") ||
                                          json_object_equal(now, value),
                                  "%s: %s", names[i], name);
                }
                cr_assert(json_object_object_get_ex(linux_member, "resources", NULL));
                json_object_put(spec);
                json_object_put(before);
        }
}

Test(edit, large_numbers_survive_all_edits)
{
        json_object *spec = load("runc.json");
        g_autoptr(GError) error = NULL;
        const char *hook[] = {"/hook", "createRuntime", NULL};

        cr_assert_eq(edit_add_user_namespace(spec, 100000, &error), 0);
        cr_assert_eq(edit_take_views(spec, &error), 0);
        cr_assert_eq(edit_add_hook(spec, "createRuntime", hook, &error), 0);
        cr_assert(strstr(json_object_to_json_string(spec), "18446744073709551615"));
        json_object_put(spec);
}

Test(edit, disguised_views_are_taken)
{
        json_object *spec = parse(
                "{\"mounts\":[{\"destination\":\"//proc\"},{\"destination\":\"/dev\"},"
                "{\"destination\":\"/x/../sys/y\"}],\"linux\":{\"readonlyPaths\":[\"/etc\",\"//proc/x\"]}}");
        g_autoptr(GError) error = NULL;

        cr_assert_eq(edit_take_views(spec, &error), 0);
        is_text(spec, "{\"mounts\":[{\"destination\":\"/dev\"}],\"linux\":{\"readonlyPaths\":[\"/etc\"]}}");
}

Test(edit, rootfs_is_replaced)
{
        json_object *spec = parse("{\"root\":{\"path\":\"rootfs\",\"readonly\":true}}");
        g_autoptr(GError) error = NULL;

        cr_assert_eq(edit_set_rootfs(spec, "/r", &error), 0);
        is_text(spec, "{\"root\":{\"path\":\"/r\",\"readonly\":true}}");
}

Test(edit, binds_are_found)
{
        json_object *spec = parse(
                "{\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"vol\"},"
                "{\"destination\":\"/b\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},"
                "{\"destination\":\"/c\",\"source\":\"/v\",\"options\":[\"rbind\",\"ro\"]},"
                "{\"destination\":\"/d\",\"type\":\"none\",\"source\":\"/w\",\"options\":[\"bind\"]}]}");
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) binds = NULL;

        cr_assert_eq(edit_find_binds(spec, "/bundle", &binds, &error), 0);
        cr_assert_eq(binds->len, 3);
        const struct edit_bind *bind = &g_array_index(binds, struct edit_bind, 0);
        cr_assert_str_eq(bind->source, "/bundle/vol");
        cr_assert(!bind->recursive);
        bind = &g_array_index(binds, struct edit_bind, 1);
        cr_assert_eq(bind->index, 2);
        cr_assert(bind->recursive);
        json_object_put(spec);
}

Test(edit, binds_keep_the_flags_of_their_source)
{
        json_object *spec = parse(
                "{\"mounts\":[{\"destination\":\"/a\",\"options\":[\"bind\",\"rw\",\"exec\",\"nodev\"]}]}");
        g_autoptr(GError) error = NULL;

        cr_assert_eq(edit_set_bind(spec, 0, "/s", ST_RDONLY | ST_NODEV | ST_NOEXEC | ST_RELATIME, &error), 0);
        is_text(spec,
                "{\"mounts\":[{\"destination\":\"/a\",\"options\":[\"bind\",\"ro\",\"nodev\",\"noexec\"],"
                "\"source\":\"/s\"}]}");
}

Test(edit, hooks_are_appended)
{
        json_object *spec = parse("{\"hooks\":{\"createRuntime\":[{\"path\":\"/first\"}]}}");
        const char *args[] = {"/hook", "--plan", "/p", "createRuntime", NULL};
        g_autoptr(GError) error = NULL;

        cr_assert_eq(edit_add_hook(spec, "createRuntime", args, &error), 0);
        cr_assert_eq(edit_add_hook(spec, "poststop", args, &error), 0);
        is_text(spec, "{\"hooks\":{\"createRuntime\":[{\"path\":\"/first\"},{\"path\":\"/hook\",\"args\":[\"/"
                      "hook\","
                      "\"--plan\",\"/p\",\"createRuntime\"]}],\"poststop\":[{\"path\":\"/hook\",\"args\":[\"/"
                      "hook\","
                      "\"--plan\",\"/p\",\"createRuntime\"]}]}}");
}

Test(edit, members_in_another_case_are_refused)
{
        static const char *const bad[] = {"{\"Mounts\":[]}",
                                          "{\"LINUX\":{}}",
                                          "{\"linux\":{\"uidmappings\":[]}}",
                                          "{\"hooks\":{\"POSTSTOP\":[]}}",
                                          "{\"hook\xc5\xbf\":{}}",
                                          "{\"root\":{\"Path\":\"/\"}}"};

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                json_object *spec = parse(bad[i]);
                cr_assert_eq(edit_check_names(spec, &error), -EINVAL, "%s", bad[i]);
                json_object_put(spec);
        }
        json_object *good = load("docker.json");
        g_autoptr(GError) error = NULL;
        cr_assert_eq(edit_check_names(good, &error), 0);
        json_object_put(good);
}
