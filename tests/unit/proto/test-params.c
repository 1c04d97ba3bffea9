#include "proto/params.h"
#include "proto/varlink.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

struct params {
        const char *name;
        int64_t pid;
        json_object *map;
};

static const struct proto_param table[] = {
        {"name", PROTO_STRING, .max = 8, .offset = offsetof(struct params, name)},
        {"pid", PROTO_INT, .optional = true, .min = 1, .max = 100, .offset = offsetof(struct params, pid)},
        {"map", PROTO_MAP, .optional = true, .max = 2, .offset = offsetof(struct params, map)},
        {NULL}};

/* The name of the bad parameter, or "" if there is none. */
static char *read_bad(const char *text, bool strict)
{
        auto_json object = NULL;
        struct params params = {0};
        const char *bad = "";

        cr_assert(proto_parse_object(text, strlen(text), PROTO_REQUEST_MAX, &object) == 0, "%s", text);
        int r = proto_read_params(object, table, strict, &params, &bad);
        cr_assert(r == (*bad ? -EINVAL : 0), "%s", text);
        return g_strdup(bad);
}

static void expect_bad(const char *text, const char *bad)
{
        g_autofree char *got = read_bad(text, true);

        cr_assert_str_eq(got, bad, "%s: %s", text, got);
}

Test(params, good)
{
        static const char text[] = "{\"name\":\"12345678\",\"pid\":100,\"map\":{\"a\":\"b\",\"c\":\"\"}}";
        auto_json object = NULL;
        struct params params = {0};
        const char *bad;

        cr_assert(proto_parse_object(text, strlen(text), PROTO_REQUEST_MAX, &object) == 0);
        cr_assert(proto_read_params(object, table, true, &params, &bad) == 0);
        cr_assert_str_eq(params.name, "12345678");
        cr_assert(params.pid == 100 && json_object_object_length(params.map) == 2);
}

Test(params, bad)
{
        expect_bad("{}", "name");
        expect_bad("{\"name\":null}", "name");
        expect_bad("{\"name\":1}", "name");
        expect_bad("{\"name\":\"123456789\"}", "name");
        expect_bad("{\"name\":\"a\\u0000b\"}", "name");
        expect_bad("{\"name\":\"\",\"pid\":0}", "pid");
        expect_bad("{\"name\":\"\",\"pid\":101}", "pid");
        expect_bad("{\"name\":\"\",\"pid\":1.0}", "pid");
        expect_bad("{\"name\":\"\",\"pid\":\"1\"}", "pid");
        expect_bad("{\"name\":\"\",\"pid\":18446744073709551617}", "pid");
        expect_bad("{\"name\":\"\",\"map\":[]}", "map");
        expect_bad("{\"name\":\"\",\"map\":{\"a\":1}}", "map");
        expect_bad("{\"name\":\"\",\"map\":{\"a\":\"\",\"b\":\"\",\"c\":\"\"}}", "map");
        expect_bad("{\"name\":\"\",\"map\":{\"a\":\"x\\u0000\"}}", "map");
        expect_bad("{\"name\":\"\",\"other\":1}", "other");
        expect_bad("{\"name\":\"\",\"pid\":null,\"map\":null}", "");
}

Test(params, lenient)
{
        g_autofree char *bad = read_bad("{\"name\":\"\",\"other\":1}", false);

        cr_assert_str_eq(bad, "", "a client takes answers of later versions");
}

Test(params, long_values)
{
        g_autofree char *value = g_strnfill(PROTO_VALUE_MAX + 1, 'x');
        g_autofree char *text = g_strdup_printf("{\"name\":\"\",\"map\":{\"a\":\"%s\"}}", value);
        g_autofree char *name = g_strdup_printf("{\"name\":\"\",\"map\":{\"%s\":\"\"}}", value);

        expect_bad(text, "map");
        expect_bad(name, "map");
}
