/* Bytes of a peer -> calls and replies; what was understood is said again and understood alike. */
#include "proto/params.h"
#include "proto/varlink.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct params {
        const char *root, *id;
        int64_t pid;
        json_object *sysctls;
};

static const struct proto_param table[] = {
        {"root", PROTO_STRING, .max = 4096, .offset = offsetof(struct params, root)},
        {"id", PROTO_STRING, .max = 1024, .offset = offsetof(struct params, id)},
        {"pid", PROTO_INT, .min = 1, .max = 1 << 22, .offset = offsetof(struct params, pid)},
        {"sysctl", PROTO_MAP, .optional = true, .max = 256, .offset = offsetof(struct params, sysctls)},
        {NULL}};

static void check_params(json_object *parameters)
{
        struct params params = {0};
        const char *bad = NULL;

        if (proto_read_params(parameters, table, true, &params, &bad) < 0) {
                assert(bad);
                return;
        }
        assert(strlen(params.root) <= 4096 && strlen(params.id) <= 1024 && params.pid >= 1);
}

static void check_call(const char *text, size_t size)
{
        autoptr(proto_call) call = NULL;
        autoptr(proto_call) again = NULL;
        g_autoptr(GString) out = g_string_new(NULL);

        if (proto_parse_call(text, size, &call) < 0)
                return;
        check_params(call->parameters);
        if (proto_format_call(call->method, call->parameters, out) < 0)
                return; /* escapes made it longer than a request may be */
        assert(memchr(out->str, '\0', out->len) == out->str + out->len - 1);
        assert(proto_parse_call(out->str, out->len - 1, &again) == 0);
        assert(strcmp(call->method, again->method) == 0);
}

static void check_reply(const char *text, size_t size)
{
        autoptr(proto_reply) reply = NULL;

        (void)proto_parse_reply(text, size, &reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        check_call((const char *)data, size);
        check_reply((const char *)data, size);
        return 0;
}
