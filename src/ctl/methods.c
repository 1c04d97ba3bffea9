#include "config.h"
#include "ctl/server.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

enum { PID_MAX = 1 << 22, SIZE_MAX_IDS = 1 << 30 };

#define FIELD(member) offsetof(struct ctl_params, member)
#define P_ROOT                                                                                               \
        {                                                                                                    \
                "root", PROTO_STRING, .max = CTL_PATH_MAX, .offset = FIELD(root)                             \
        }
#define P_ID                                                                                                 \
        {                                                                                                    \
                "id", PROTO_STRING, .max = CTL_ID_MAX, .offset = FIELD(id)                                   \
        }
#define P_PID                                                                                                \
        {                                                                                                    \
                "pid", PROTO_INT, .min = 1, .max = PID_MAX, .offset = FIELD(pid)                             \
        }
#define P_NAME                                                                                               \
        {                                                                                                    \
                "name", PROTO_STRING, .max = CTL_ID_MAX, .offset = FIELD(name)                               \
        }
#define P_END                                                                                                \
        {                                                                                                    \
                NULL                                                                                         \
        }

static const struct proto_param no_params[] = {P_END};
static const struct proto_param register_params[] = {
        P_ROOT,
        P_ID,
        {"bundle", PROTO_STRING, .max = CTL_PATH_MAX, .offset = FIELD(bundle)},
        P_PID,
        {"sysctl", PROTO_MAP, .optional = true, .max = CTL_SYSCTLS_MAX, .offset = FIELD(sysctls)},
        P_END};
static const struct proto_param unregister_params[] = {
        P_ROOT, P_ID, {"token", PROTO_STRING, .optional = true, .max = 64, .offset = FIELD(token)}, P_END};
static const struct proto_param lease_params[] = {
        P_ROOT,
        P_ID,
        P_PID,
        {"size", PROTO_INT, .min = 1, .max = SIZE_MAX_IDS, .offset = FIELD(size)},
        P_END};
static const struct proto_param release_params[] = {P_ROOT, P_ID, P_END};
static const struct proto_param name_params[] = {P_NAME, P_END};
static const struct proto_param render_params[] = {
        P_NAME, {"path", PROTO_STRING, .max = CTL_PATH_MAX, .offset = FIELD(path)}, P_END};
static const struct proto_param sysctl_params[] = {
        P_NAME,
        {"sysctl", PROTO_STRING, .max = CTL_PATH_MAX, .offset = FIELD(sysctl_name)},
        {"value", PROTO_STRING, .max = PROTO_VALUE_MAX, .offset = FIELD(value)},
        P_END};
static const struct proto_param interface_params[] = {
        {"interface", PROTO_STRING, .max = 256, .offset = FIELD(interface)}, P_END};

static void get_info(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer)
{
        json_object *interfaces = json_object_new_array();

        json_object_array_add(interfaces, json_object_new_string(PROTO_SERVICE));
        json_object_array_add(interfaces, json_object_new_string(PROTO_INTERFACE));
        answer->parameters = json_object_new_object();
        answer_add_text(answer->parameters, "vendor", "Cloister");
        answer_add_text(answer->parameters, "product", "cloisterd");
        answer_add_text(answer->parameters, "version", CLOISTER_VERSION);
        answer_add_text(answer->parameters, "url", "");
        json_object_object_add(answer->parameters, "interfaces", interfaces);
}

static void get_description(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer)
{
        if (!g_str_equal(params->interface, PROTO_INTERFACE)) {
                answer_fail_text(answer, PROTO_SERVICE ".InterfaceNotFound", "interface", params->interface);
                return;
        }
        answer->parameters = json_object_new_object();
        answer_add_text(answer->parameters, "description", proto_interface_text());
}

/* The methods: what exists, what each reads, what it does. */
static const struct method {
        const char *name;
        const struct proto_param *params;
        void (*run)(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer);
} methods[] = {
        {PROTO_INTERFACE ".Register", register_params, ctl_register},
        {PROTO_INTERFACE ".Unregister", unregister_params, ctl_unregister},
        {PROTO_INTERFACE ".LeaseIds", lease_params, ctl_lease_ids},
        {PROTO_INTERFACE ".ReleaseIds", release_params, ctl_release_ids},
        {PROTO_INTERFACE ".List", no_params, ctl_list},
        {PROTO_INTERFACE ".Get", name_params, ctl_get},
        {PROTO_INTERFACE ".Render", render_params, ctl_render},
        {PROTO_INTERFACE ".SetSysctl", sysctl_params, ctl_set_sysctl},
        {PROTO_INTERFACE ".Status", no_params, ctl_status},
        {PROTO_INTERFACE ".Reload", no_params, ctl_reload},
        {PROTO_SERVICE ".GetInfo", no_params, get_info},
        {PROTO_SERVICE ".GetInterfaceDescription", interface_params, get_description},
};

static bool has_interface(const char *method, const char *interface)
{
        size_t len = strlen(interface);

        return strncmp(method, interface, len) == 0 && method[len] == '.' && !strchr(method + len + 1, '.');
}

static void fail_unknown(const char *method, struct ctl_answer *answer)
{
        if (has_interface(method, PROTO_INTERFACE) || has_interface(method, PROTO_SERVICE)) {
                answer_fail_text(answer, PROTO_SERVICE ".MethodNotFound", "method", method);
                return;
        }
        const char *dot = strrchr(method, '.');
        g_autofree char *interface = g_strndup(method, dot ? (size_t)(dot - method) : strlen(method));
        answer_fail_text(answer, PROTO_SERVICE ".InterfaceNotFound", "interface", interface);
}

static void run_method(struct ctl *ctl, const struct method *method, json_object *parameters,
                       struct ctl_answer *answer)
{
        struct ctl_params params = {0};
        const char *bad = NULL;

        if (proto_read_params(parameters, method->params, true, &params, &bad) < 0)
                answer_fail_text(answer, PROTO_SERVICE ".InvalidParameter", "parameter", bad);
        else
                method->run(ctl, &params, answer);
}

static void run_call(struct ctl *ctl, const struct proto_call *call, struct ctl_answer *answer)
{
        if (call->upgrade) {
                answer_fail_text(answer, PROTO_SERVICE ".MethodNotImplemented", "method", call->method);
                return;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
                if (g_str_equal(methods[i].name, call->method)) {
                        run_method(ctl, &methods[i], call->parameters, answer);
                        return;
                }
        fail_unknown(call->method, answer);
}

int ctl_dispatch(struct ctl *ctl, const char *text, size_t len, GString *out)
{
        struct ctl_answer answer = {0};
        autoptr(proto_call) call = NULL;
        int r = proto_parse_call(text, len, &call);

        if (r < 0)
                return r;
        run_call(ctl, call, &answer);
        if (!call->oneway)
                r = answer.error ? proto_format_error(answer.error, answer.parameters, out)
                                 : proto_format_reply(answer.parameters, out);
        if (r == -EFBIG) {
                answer_fail_errno(&answer, r, "the reply has more than %d bytes", PROTO_REPLY_MAX);
                r = proto_format_error(answer.error, answer.parameters, out);
        }
        json_object_put(answer.parameters);
        return r;
}
