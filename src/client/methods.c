#include "client/call.h"

#include "proto/params.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { TEXT_MAX = PROTO_REPLY_MAX, LIST_MAX = 4096 };

static void add_text(json_object *object, const char *member, const char *text)
{
        json_object_object_add(object, member, json_object_new_string(text));
}

static json_object *new_names(const char *root, const char *id)
{
        json_object *parameters = json_object_new_object();

        add_text(parameters, "root", root);
        add_text(parameters, "id", id);
        return parameters;
}

static int fail_answer(GError **error, const char *method, const char *member)
{
        return call_fail(error, -EBADMSG,
                         "the answer to %s has no good \"%s\": cloisterd is of another version", method,
                         member);
}

/* Calls a method that answers nothing. */
static int call_void(struct cloister *cloister, const char *method, json_object *parameters, GError **error)
{
        auto_json answer = NULL;

        return call_method(cloister, method, parameters, &answer, error);
}

/* ---- Register ---- */

/* The answer, borrowed from its JSON. */
struct registered {
        const char *key, *token, *fs;
        json_object *mounts, *kernel_mounts;
};

static int copy_mounts(json_object *mounts, struct cloister_registration *registration)
{
        static const struct proto_param table[] = {
                {"connection", PROTO_STRING, .max = 64,
                 .offset = offsetof(struct cloister_mount, connection)},
                {"path", PROTO_STRING, .max = 4096, .offset = offsetof(struct cloister_mount, path)},
                {NULL}};
        size_t n = json_object_array_length(mounts);
        const char *bad;

        registration->mounts = g_new0(struct cloister_mount, n + 1);
        for (size_t i = 0; i < n; i++) {
                json_object *mount = json_object_array_get_idx(mounts, i);
                struct cloister_mount borrowed;
                if (!json_object_is_type(mount, json_type_object) ||
                    proto_read_params(mount, table, false, &borrowed, &bad) < 0)
                        return -EBADMSG;
                registration->mounts[i].connection = g_strdup(borrowed.connection);
                registration->mounts[i].path = g_strdup(borrowed.path);
                registration->n_mounts = i + 1;
        }
        return 0;
}

static int copy_strings(json_object *array, char ***ret)
{
        size_t n = json_object_array_length(array);

        *ret = g_new0(char *, n + 1);
        for (size_t i = 0; i < n; i++) {
                json_object *string = json_object_array_get_idx(array, i);
                if (!json_object_is_type(string, json_type_string))
                        return -EBADMSG;
                (*ret)[i] = g_strdup(json_object_get_string(string));
        }
        return 0;
}

static int copy_registration(json_object *answer, struct cloister_registration *ret, const char **ret_bad)
{
        static const struct proto_param table[] = {
                {"key", PROTO_STRING, .max = 64, .offset = offsetof(struct registered, key)},
                {"token", PROTO_STRING, .max = 64, .offset = offsetof(struct registered, token)},
                {"fs", PROTO_STRING, .max = 4096, .offset = offsetof(struct registered, fs)},
                {"mounts", PROTO_ARRAY, .max = LIST_MAX, .offset = offsetof(struct registered, mounts)},
                {"kernelMounts", PROTO_ARRAY, .max = LIST_MAX,
                 .offset = offsetof(struct registered, kernel_mounts)},
                {NULL}};
        struct registered registered;
        int r = proto_read_params(answer, table, false, &registered, ret_bad);

        if (r < 0)
                return r;
        ret->key = g_strdup(registered.key);
        ret->token = g_strdup(registered.token);
        ret->fs = g_strdup(registered.fs);
        *ret_bad = "mounts";
        r = copy_mounts(registered.mounts, ret);
        if (r < 0)
                return r;
        *ret_bad = "kernelMounts";
        return copy_strings(registered.kernel_mounts, &ret->kernel_mounts);
}

static json_object *new_sysctls(const char *const *sysctls)
{
        json_object *object = json_object_new_object();

        for (; sysctls && sysctls[0]; sysctls += 2)
                add_text(object, sysctls[0], sysctls[1]);
        return object;
}

int cloister_register(struct cloister *cloister, const char *root, const char *id, const char *bundle,
                      pid_t init, const char *const *sysctls, struct cloister_registration **ret,
                      GError **error)
{
        json_object *parameters = new_names(root, id);
        auto_json answer = NULL;
        const char *bad = NULL;

        add_text(parameters, "bundle", bundle);
        json_object_object_add(parameters, "pid", json_object_new_int64(init));
        json_object_object_add(parameters, "sysctl", new_sysctls(sysctls));
        int r = call_method(cloister, "Register", parameters, &answer, error);
        if (r < 0)
                return r;
        struct cloister_registration *registration = g_new0(struct cloister_registration, 1);
        if (copy_registration(answer, registration, &bad) < 0) {
                cloister_registration_free(registration);
                return fail_answer(error, "Register", bad);
        }
        *ret = registration;
        return 0;
}

void cloister_registration_free(struct cloister_registration *registration)
{
        if (!registration)
                return;
        for (size_t i = 0; i < registration->n_mounts; i++) {
                g_free(registration->mounts[i].connection);
                g_free(registration->mounts[i].path);
        }
        g_free(registration->mounts);
        g_strfreev(registration->kernel_mounts);
        g_free(registration->key);
        g_free(registration->token);
        g_free(registration->fs);
        g_free(registration);
}

int cloister_unregister(struct cloister *cloister, const char *root, const char *id, const char *token,
                        GError **error)
{
        json_object *parameters = new_names(root, id);

        if (token)
                add_text(parameters, "token", token);
        return call_void(cloister, "Unregister", parameters, error);
}

/* ---- ids, files, sysctls ---- */

int cloister_lease_ids(struct cloister *cloister, const char *root, const char *id, pid_t holder,
                       uint32_t size, uint32_t *ret_start, GError **error)
{
        static const struct proto_param table[] = {{"start", PROTO_INT, .max = UINT32_MAX}, {NULL}};
        json_object *parameters = new_names(root, id);
        auto_json answer = NULL;
        const char *bad;
        int64_t start;

        json_object_object_add(parameters, "pid", json_object_new_int64(holder));
        json_object_object_add(parameters, "size", json_object_new_int64(size));
        int r = call_method(cloister, "LeaseIds", parameters, &answer, error);
        if (r < 0)
                return r;
        if (proto_read_params(answer, table, false, &start, &bad) < 0)
                return fail_answer(error, "LeaseIds", bad);
        *ret_start = (uint32_t)start;
        return 0;
}

int cloister_release_ids(struct cloister *cloister, const char *root, const char *id, GError **error)
{
        return call_void(cloister, "ReleaseIds", new_names(root, id), error);
}

int cloister_render(struct cloister *cloister, const char *name, const char *path, char **ret_text,
                    GError **error)
{
        json_object *parameters = json_object_new_object(), *text;
        auto_json answer = NULL;

        add_text(parameters, "name", name);
        add_text(parameters, "path", path);
        int r = call_method(cloister, "Render", parameters, &answer, error);
        if (r < 0)
                return r;
        if (!json_object_object_get_ex(answer, "text", &text) || !json_object_is_type(text, json_type_string))
                return fail_answer(error, "Render", "text");
        *ret_text = g_strdup(json_object_get_string(text));
        return 0;
}

int cloister_set_sysctl(struct cloister *cloister, const char *name, const char *sysctl, const char *value,
                        GError **error)
{
        json_object *parameters = json_object_new_object();

        add_text(parameters, "name", name);
        add_text(parameters, "sysctl", sysctl);
        add_text(parameters, "value", value);
        return call_void(cloister, "SetSysctl", parameters, error);
}
