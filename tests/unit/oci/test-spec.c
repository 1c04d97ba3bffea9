#include "oci/spec.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int parse(const char *text, size_t len, GError **error)
{
        json_object *object = NULL;
        int r = spec_parse(text, len, "config.json", &object, error);

        cr_assert_eq(r < 0, *error != NULL);
        json_object_put(object);
        return r;
}

static void refused(const char *text, int wanted, const char *part)
{
        g_autoptr(GError) error = NULL;

        cr_assert_eq(parse(text, strlen(text), &error), wanted, "%s", text);
        cr_assert(strstr(error->message, part), "%s: %s", text, error->message);
}

Test(spec, senseless_text_is_refused)
{
        refused("", -EINVAL, "ends in the middle");
        refused("{\"a\":", -EINVAL, "ends in the middle");
        refused("{\"a\":1}x", -EINVAL, "not JSON");
        refused("[]", -EINVAL, "not a JSON object");
        refused("{\"a\":\"\xff\"}", -EINVAL, "not JSON");
}

Test(spec, nul_bytes_are_refused)
{
        g_autoptr(GError) error = NULL;

        cr_assert_eq(parse("{}\0{}", 5, &error), -EINVAL);
}

Test(spec, depth_and_size_are_bounded)
{
        g_autoptr(GString) deep = g_string_new("{\"a\":");
        g_autoptr(GError) error = NULL;

        for (int i = 0; i < 1000; i++)
                g_string_append_c(deep, '[');
        cr_assert_eq(parse(deep->str, deep->len, &error), -EINVAL);
        g_clear_error(&error);
        g_autofree char *large = g_strnfill(SPEC_MAX_BYTES + 1, ' ');
        cr_assert_eq(parse(large, SPEC_MAX_BYTES + 1, &error), -EFBIG);
}

Test(spec, large_numbers_survive)
{
        static const char text[] = "{\"a\":18446744073709551615,\"b\":-9223372036854775808}";
        g_autoptr(GError) error = NULL;
        json_object *object;

        cr_assert_eq(spec_parse(text, strlen(text), "x", &object, &error), 0);
        cr_assert_str_eq(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN), text);
        json_object_put(object);
}

Test(spec, files_are_read_and_written)
{
        g_autofree char *folder = g_dir_make_tmp("cloister-test-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(folder, "config.json", NULL);
        g_autofree char *absent = g_build_filename(folder, "absent", NULL);
        g_autoptr(GError) error = NULL;
        json_object *object = NULL, *again = NULL;

        cr_assert_eq(spec_read(absent, SPEC_MAX_BYTES, &object, &error), -ENOENT);
        cr_assert(strstr(error->message, absent));
        g_clear_error(&error);
        cr_assert_eq(spec_read(SPECS "/docker.json", SPEC_MAX_BYTES, &object, &error), 0);
        cr_assert_eq(spec_write(object, path, &error), 0);
        cr_assert_eq(spec_read(path, SPEC_MAX_BYTES, &again, &error), 0);
        cr_assert(json_object_equal(object, again));
        json_object_put(again);
        cr_assert_eq(spec_read(path, 10, &again, &error), -EFBIG);
        json_object_put(object);
        cr_assert_eq(remove(path), 0);
        cr_assert_eq(remove(folder), 0);
}

Test(spec, types_are_checked)
{
        static const char text[] = "{\"s\":\"a\\u0000b\",\"n\":1,\"l\":[1],\"null\":null}";
        g_autoptr(GError) error = NULL;
        json_object *object, *member;
        const char *string = "untouched";
        char **strings = NULL;

        cr_assert_eq(spec_parse(text, strlen(text), "x", &object, &error), 0);
        cr_assert_eq(spec_string(object, "s", &string, &error), -EINVAL);
        g_clear_error(&error);
        cr_assert_eq(spec_string(object, "n", &string, &error), -EINVAL);
        cr_assert_str_eq(string, "untouched");
        g_clear_error(&error);
        cr_assert_eq(spec_string(object, "null", &string, &error), 0);
        cr_assert_null(string);
        cr_assert_eq(spec_strings(object, "l", &strings, &error), -EINVAL);
        g_clear_error(&error);
        cr_assert_eq(spec_need(object, "n", json_type_object, &member, &error), -EINVAL);
        json_object_put(object);
}

static void cleans(const char *path, const char *wanted)
{
        g_autofree char *got = spec_clean_path("/base", path);

        cr_assert_str_eq(got, wanted, "%s: %s", path, got);
}

Test(spec, paths_are_cleaned)
{
        cleans("//proc//sys/", "/proc/sys");
        cleans("///proc", "/proc");
        cleans("/a/../proc/./x", "/proc/x");
        cleans("/../..", "/");
        cleans("rootfs", "/base/rootfs");
        cleans("../x", "/x");
        cr_assert(spec_path_is_view("/proc"));
        cr_assert(spec_path_is_view("/sys/fs/cgroup"));
        cr_assert(!spec_path_is_view("/process"));
        cr_assert(!spec_path_is_view("/dev/proc"));
}
