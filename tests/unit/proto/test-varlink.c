#include "proto/varlink.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static int parse(const char *text, size_t len)
{
        autoptr(proto_call) call = NULL;

        return proto_parse_call(text, len, &call);
}

static int parse_text(const char *text)
{
        return parse(text, strlen(text));
}

Test(varlink, call)
{
        static const char text[] =
                "{\"method\":\"a.B\",\"parameters\":{\"x\":1},\"oneway\":true,\"later\":[]}";
        autoptr(proto_call) call = NULL;
        json_object *x;

        cr_assert(proto_parse_call(text, sizeof(text) - 1, &call) == 0);
        cr_assert_str_eq(call->method, "a.B");
        cr_assert(call->oneway && !call->more && !call->upgrade);
        cr_assert(json_object_object_get_ex(call->parameters, "x", &x) && json_object_get_int(x) == 1);
}

Test(varlink, call_without_parameters)
{
        autoptr(proto_call) call = NULL;

        cr_assert(proto_parse_call("{\"method\":\"a.B\"}", 16, &call) == 0);
        cr_assert(json_object_object_length(call->parameters) == 0);
}

Test(varlink, not_a_call)
{
        cr_assert(parse_text("{}") == -EPROTO);
        cr_assert(parse_text("{\"method\":1}") == -EPROTO);
        cr_assert(parse_text("{\"method\":\"a\\u0000b\"}") == -EPROTO);
        cr_assert(parse_text("{\"method\":\"a\",\"parameters\":[]}") == -EPROTO);
        cr_assert(parse_text("{\"method\":\"a\",\"parameters\":null}") == -EPROTO);
        cr_assert(parse_text("{\"method\":\"a\",\"oneway\":1}") == -EPROTO);
        cr_assert(parse_text("{\"method\":\"a\",\"upgrade\":\"yes\"}") == -EPROTO);
}

Test(varlink, not_json)
{
        static const char *const bad[] = {
                "",
                " ",
                "{",
                "[]",
                "1",
                "null",
                "\"a\"",
                "{}{}",
                "{} x",

                "{\"a\":}",
                "{\"a\":1,}",
                "{a:1}",
                "{\"a\":\"\xff\"}",
                "{\"method\":\"a\"",
                "\xef\xbb\xbf{}",

                "{\"a\":01}",
        };

        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                cr_assert(parse_text(bad[i]) == -EBADMSG, "%s: %d", bad[i], parse_text(bad[i]));
        /* a NUL ends no parser early: what stands behind it would be believed to be checked */
        cr_assert(parse("{\"method\":\"a\"}\0{", 16) == -EBADMSG);
        cr_assert(parse("\0", 1) == -EBADMSG);
}

/* Every beginning of a message is refused, whatever it is cut in. */
Test(varlink, truncated)
{
        static const char text[] =
                "{\"method\":\"a.B\\u00e9\",\"parameters\":{\"x\":[1.5e3,true,null,\"\xc3\xa9\"]}}";

        cr_assert(parse_text(text) == 0);
        for (size_t len = 0; len < sizeof(text) - 1; len++)
                cr_assert(parse(text, len) == -EBADMSG, "%zu", len);
}

static char *nest(unsigned depth)
{
        GString *text = g_string_new("{\"method\":\"a\",\"parameters\":{\"x\":");

        for (unsigned i = 0; i < depth; i++)
                g_string_append_c(text, '[');
        for (unsigned i = 0; i < depth; i++)
                g_string_append_c(text, ']');
        g_string_append(text, "}}");
        return g_string_free(text, FALSE);
}

Test(varlink, nested)
{
        g_autofree char *good = nest(PROTO_DEPTH_MAX - 4), *deep = nest(PROTO_DEPTH_MAX),
                        *abyss = nest(30000);

        cr_assert(parse_text(good) == 0);
        cr_assert(parse_text(deep) == -EBADMSG);
        cr_assert(parse_text(abyss) == -EBADMSG);
}

Test(varlink, huge)
{
        g_autofree char *id = g_strnfill(PROTO_REQUEST_MAX, 'x');
        g_autofree char *large = g_strdup_printf("{\"method\":\"%s\"}", id);
        g_autofree char *fits = g_strdup_printf("{\"method\":\"%.*s\"}", PROTO_REQUEST_MAX - 13, id);

        cr_assert(parse_text(large) == -EFBIG);
        cr_assert(strlen(fits) == PROTO_REQUEST_MAX);
        cr_assert(parse_text(fits) == 0);
}

Test(varlink, reply_round_trip)
{
        g_autoptr(GString) out = g_string_new(NULL);
        auto_json parameters = json_object_new_object();
        autoptr(proto_reply) reply = NULL;
        json_object *id;

        json_object_object_add(parameters, "id", json_object_new_string("a\n/\"\x01\xc3\xa9"));
        cr_assert(proto_format_error("a.Bad", parameters, out) == 0);
        cr_assert(out->str[out->len - 1] == '\0' && strlen(out->str) == out->len - 1, "one NUL, at the end");
        cr_assert(proto_parse_reply(out->str, out->len - 1, &reply) == 0);
        cr_assert_str_eq(reply->error, "a.Bad");
        cr_assert(json_object_object_get_ex(reply->parameters, "id", &id));
        cr_assert_str_eq(json_object_get_string(id), "a\n/\"\x01\xc3\xa9");
}

Test(varlink, reply_without_parameters)
{
        g_autoptr(GString) out = g_string_new("before");

        cr_assert(proto_format_reply(NULL, out) == 0);
        cr_assert_str_eq(out->str, "before{\"parameters\":{}}");
}

Test(varlink, reply_too_large)
{
        g_autofree char *text = g_strnfill(PROTO_REPLY_MAX, 'x');
        g_autoptr(GString) out = g_string_new("before");
        auto_json parameters = json_object_new_object();

        json_object_object_add(parameters, "text", json_object_new_string(text));
        cr_assert(proto_format_reply(parameters, out) == -EFBIG);
        cr_assert_str_eq(out->str, "before");
}

Test(varlink, bytes_to_string)
{
        auto_json good = proto_new_string("a\xc3\xa9", 3);
        auto_json bad = proto_new_string("a\xff\0b", 4);

        cr_assert_str_eq(json_object_get_string(good), "a\xc3\xa9");
        cr_assert_str_eq(json_object_get_string(bad), "a\xef\xbf\xbd\xef\xbf\xbd"
                                                      "b");
}

Test(varlink, interface_text)
{
        const char *text = proto_interface_text();

        cr_assert(g_str_has_prefix(text, "# Control of a running cloisterd"));
        cr_assert(strstr(text, "\ninterface io.cloister.Containers\n"));
        cr_assert(strstr(text, "(\"proc/meminfo\", \"/proc/sys/vm/swappiness\")"), "quotes survive");
        cr_assert(g_str_has_suffix(text, "error PermissionDenied(message: string)\n"));
}
