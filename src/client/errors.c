#include "client/call.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int call_fail(GError **error, int r, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        if (error)
                *error = g_error_new_valist(g_quark_from_static_string("cloister"), -r, format, ap);
        va_end(ap);
        return r;
}

/* Errors whose text is made here: from the parameter named `member`. Text goes before and after it. */
static const struct known {
        const char *name;
        int r;
        const char *before, *member, *after;
} known[] = {
        {PROTO_INTERFACE ".NoSuchContainer", -ENOENT, "no container ", "name",
         " is registered; `cloisterctl list` shows those that are"},
        {PROTO_INTERFACE ".AmbiguousName", -ENOTUNIQ, "several containers match ", "name",
         "; use the key of one: "},
        {PROTO_INTERFACE ".AlreadyExists", -EEXIST, "container ", "key",
         " is registered and runs; delete it first, or use another id"},
        {PROTO_INTERFACE ".NoSuchProcess", -ESRCH, "process ", "pid",
         " is gone or is not visible to cloisterd; the container's start has failed elsewhere"},
        {PROTO_INTERFACE ".WrongToken", -EPERM, "container ", "key",
         " runs and is not the one that this token was given for; nothing was ended"},
        {PROTO_INTERFACE ".AlreadyLeased", -EBUSY, "this container holds the ids from ", "start",
         " already; delete it first, or use another id"},
        {PROTO_INTERFACE ".NoFreeIds", -ENOSPC, "", "message", ""},
        {PROTO_INTERFACE ".InvalidPolicy", -EINVAL, "the policy stays as it was: ", "message", ""},
        {PROTO_INTERFACE ".InvalidSysctl", -EINVAL, "sysctl ", "message", ""},
        {PROTO_INTERFACE ".PermissionDenied", -EACCES, "", "message", ""},
        {PROTO_SERVICE ".InvalidParameter", -EINVAL, "cloisterd refuses parameter ", "parameter",
         ": missing, unknown, too long or of a wrong type"},
        {PROTO_SERVICE ".MethodNotFound", -ENOSYS, "this cloisterd has no method ", "method",
         "; it is of another version: restart it after the upgrade"},
};

static const char *get_text(const struct proto_reply *reply, const char *member)
{
        json_object *value;

        return json_object_object_get_ex(reply->parameters, member, &value) ? json_object_get_string(value)
                                                                            : "?";
}

static char *list_candidates(const struct proto_reply *reply)
{
        GString *text = g_string_new(NULL);
        json_object *array;

        if (!json_object_object_get_ex(reply->parameters, "candidates", &array) ||
            !json_object_is_type(array, json_type_array))
                return g_string_free(text, FALSE);
        for (size_t i = 0; i < json_object_array_length(array); i++)
                g_string_append_printf(text, "%s%s", i ? ", " : "",
                                       json_object_get_string(json_object_array_get_idx(array, i)));
        return g_string_free(text, FALSE);
}

/* The errno that a SystemError carries, else -EREMOTEIO. */
static int get_errno(const struct proto_reply *reply)
{
        json_object *value;

        if (!json_object_object_get_ex(reply->parameters, "errno", &value))
                return -EREMOTEIO;
        int64_t n = json_object_get_int64(value);
        return n > 0 && n < 4096 ? -(int)n : -EREMOTEIO;
}

int call_fail_reply(const struct proto_reply *reply, const char *method, GError **error)
{
        g_autofree char *candidates = list_candidates(reply);

        if (g_str_equal(reply->error, PROTO_INTERFACE ".SystemError"))
                return call_fail(error, get_errno(reply), "%s", get_text(reply, "message"));
        for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
                if (g_str_equal(known[i].name, reply->error))
                        return call_fail(error, known[i].r, "%s%s%s%s", known[i].before,
                                         get_text(reply, known[i].member), known[i].after, candidates);
        return call_fail(error, -EREMOTEIO, "%s failed: %s %s", method, reply->error,
                         json_object_to_json_string_ext(reply->parameters, JSON_C_TO_STRING_PLAIN));
}
