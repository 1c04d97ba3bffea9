#include "proto/varlink.h"

#include <errno.h>
#include <string.h>

int proto_parse_object(const char *text, size_t len, size_t max, json_object **ret)
{
        auto_json object = NULL;
        json_tokener *tokener;

        if (len > max)
                return -EFBIG;
        /* json-c takes a NUL for the end of its input, and its own check of UTF-8 lets surrogates pass */
        if (!g_utf8_validate_len(text, len, NULL))
                return -EBADMSG;
        tokener = json_tokener_new_ex(PROTO_DEPTH_MAX);
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
        object = json_tokener_parse_ex(tokener, text, (int)len);
        bool whole = json_tokener_get_error(tokener) == json_tokener_success &&
                     json_tokener_get_parse_end(tokener) == len;
        json_tokener_free(tokener);
        if (!whole || !json_object_is_type(object, json_type_object))
                return -EBADMSG;
        *ret = g_steal_pointer(&object);
        return 0;
}

/* The member `parameters`, referenced, or an empty object. Returns 0 or -EPROTO. */
static int get_parameters(json_object *message, json_object **ret)
{
        json_object *parameters;

        if (!json_object_object_get_ex(message, "parameters", &parameters)) {
                *ret = json_object_new_object();
                return 0;
        }
        if (!json_object_is_type(parameters, json_type_object))
                return -EPROTO;
        *ret = json_object_get(parameters);
        return 0;
}

/* A member that is a string without NUL bytes. Returns 1, 0 (absent) or -EPROTO. */
static int get_string(json_object *message, const char *name, char **ret)
{
        json_object *member;

        if (!json_object_object_get_ex(message, name, &member))
                return 0;
        if (!json_object_is_type(member, json_type_string))
                return -EPROTO;
        const char *text = json_object_get_string(member);
        if (strlen(text) != (size_t)json_object_get_string_len(member))
                return -EPROTO;
        *ret = g_strdup(text);
        return 1;
}

static int get_flag(json_object *message, const char *name, bool *ret)
{
        json_object *member;

        if (!json_object_object_get_ex(message, name, &member))
                return 0;
        if (!json_object_is_type(member, json_type_boolean))
                return -EPROTO;
        *ret = json_object_get_boolean(member);
        return 0;
}

int proto_parse_call(const char *text, size_t len, struct proto_call **ret)
{
        autoptr(proto_call) call = g_new0(struct proto_call, 1);
        auto_json message = NULL;
        int r = proto_parse_object(text, len, PROTO_REQUEST_MAX, &message);

        if (r < 0)
                return r;
        if (get_string(message, "method", &call->method) <= 0 ||
            get_parameters(message, &call->parameters) < 0 ||
            get_flag(message, "oneway", &call->oneway) < 0 || get_flag(message, "more", &call->more) < 0 ||
            get_flag(message, "upgrade", &call->upgrade) < 0)
                return -EPROTO;
        *ret = g_steal_pointer(&call);
        return 0;
}

void proto_call_free(struct proto_call *call)
{
        if (!call)
                return;
        g_free(call->method);
        json_object_put(call->parameters);
        g_free(call);
}

int proto_parse_reply(const char *text, size_t len, struct proto_reply **ret)
{
        autoptr(proto_reply) reply = g_new0(struct proto_reply, 1);
        auto_json message = NULL;
        int r = proto_parse_object(text, len, PROTO_REPLY_MAX, &message);

        if (r < 0)
                return r;
        if (get_string(message, "error", &reply->error) < 0 ||
            get_parameters(message, &reply->parameters) < 0)
                return -EPROTO;
        *ret = g_steal_pointer(&reply);
        return 0;
}

void proto_reply_free(struct proto_reply *reply)
{
        if (!reply)
                return;
        g_free(reply->error);
        json_object_put(reply->parameters);
        g_free(reply);
}

/* {<name>: <value>, "parameters": parameters}; the first member only if name is given. */
static int format(const char *name, const char *value, json_object *parameters, size_t max, GString *out)
{
        auto_json message = json_object_new_object();
        size_t len;

        if (name)
                json_object_object_add(message, name, json_object_new_string(value));
        json_object_object_add(message, "parameters",
                               parameters ? json_object_get(parameters) : json_object_new_object());
        const char *text = json_object_to_json_string_length(
                message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
        if (len > max)
                return -EFBIG;
        g_string_append_len(out, text, (gssize)len + 1);
        return 0;
}

int proto_format_call(const char *method, json_object *parameters, GString *out)
{
        return format("method", method, parameters, PROTO_REQUEST_MAX, out);
}

int proto_format_reply(json_object *parameters, GString *out)
{
        return format(NULL, NULL, parameters, PROTO_REPLY_MAX, out);
}

int proto_format_error(const char *error, json_object *parameters, GString *out)
{
        return format("error", error, parameters, PROTO_REPLY_MAX, out);
}

json_object *proto_new_string(const char *text, size_t len)
{
        if (g_utf8_validate_len(text, len, NULL))
                return json_object_new_string_len(text, (int)len);
        g_autofree char *valid = g_utf8_make_valid(text, (gssize)len);
        return json_object_new_string(valid);
}

const char *proto_interface_text(void)
{
        static const char text[] =
#include "interface-text.h"
                ;

        return text;
}
