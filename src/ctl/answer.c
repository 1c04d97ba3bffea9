#include "ctl/server.h"

#include <string.h>

void answer_fail(struct ctl_answer *answer, const char *error, json_object *parameters)
{
        json_object_put(answer->parameters);
        answer->error = error;
        answer->parameters = parameters;
}

void answer_fail_text(struct ctl_answer *answer, const char *error, const char *member, const char *text)
{
        json_object *parameters = json_object_new_object();

        answer_add_text(parameters, member, text);
        answer_fail(answer, error, parameters);
}

void answer_fail_errno(struct ctl_answer *answer, int r, const char *format, ...)
{
        json_object *parameters = json_object_new_object();
        va_list ap;

        va_start(ap, format);
        g_autofree char *text = g_strdup_vprintf(format, ap);
        va_end(ap);
        g_autofree char *message = g_strdup_printf("%s: %s", text, g_strerror(-r));
        answer_add_int(parameters, "errno", -r);
        answer_add_text(parameters, "message", message);
        answer_fail(answer, PROTO_INTERFACE ".SystemError", parameters);
}

void answer_no_process(int64_t pid, struct ctl_answer *answer)
{
        json_object *parameters = json_object_new_object();

        answer_add_int(parameters, "pid", pid);
        answer_fail(answer, PROTO_INTERFACE ".NoSuchProcess", parameters);
}

void answer_add_text(json_object *object, const char *member, const char *text)
{
        json_object_object_add(object, member, proto_new_string(text, strlen(text)));
}

void answer_add_int(json_object *object, const char *member, int64_t n)
{
        json_object_object_add(object, member, json_object_new_int64(n));
}
