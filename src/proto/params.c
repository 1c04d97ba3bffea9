#include "proto/params.h"

#include <errno.h>
#include <string.h>

static bool is_text(json_object *value, int64_t max)
{
        if (!json_object_is_type(value, json_type_string))
                return false;
        size_t len = (size_t)json_object_get_string_len(value);
        return len <= (size_t)max && strlen(json_object_get_string(value)) == len;
}

static bool is_map(json_object *value, int64_t max)
{
        if (!json_object_is_type(value, json_type_object) || json_object_object_length(value) > max)
                return false;
        json_object_object_foreach(value, name, member)
        {
                if (strlen(name) > PROTO_VALUE_MAX || !is_text(member, PROTO_VALUE_MAX))
                        return false;
        }
        return true;
}

static bool is_int(json_object *value, int64_t min, int64_t max)
{
        int64_t n = json_object_get_int64(value);

        return json_object_is_type(value, json_type_int) && n >= min && n <= max;
}

static bool is_array(json_object *value, int64_t max)
{
        return json_object_is_type(value, json_type_array) && json_object_array_length(value) <= (size_t)max;
}

static int read_param(json_object *value, const struct proto_param *param, void *ret)
{
        void *field = (char *)ret + param->offset;

        switch (param->type) {
        case PROTO_STRING:
                if (!is_text(value, param->max))
                        return -EINVAL;
                *(const char **)field = json_object_get_string(value);
                return 0;
        case PROTO_INT:
                if (!is_int(value, param->min, param->max))
                        return -EINVAL;
                *(int64_t *)field = json_object_get_int64(value);
                return 0;
        case PROTO_MAP:
                if (!is_map(value, param->max))
                        return -EINVAL;
                *(json_object **)field = value;
                return 0;
        case PROTO_ARRAY:
                if (!is_array(value, param->max))
                        return -EINVAL;
                *(json_object **)field = value;
                return 0;
        }
        return -EINVAL;
}

static bool is_known(const struct proto_param *table, const char *name)
{
        for (; table->name; table++)
                if (strcmp(table->name, name) == 0)
                        return true;
        return false;
}

int proto_read_params(json_object *parameters, const struct proto_param *table, bool strict, void *ret,
                      const char **ret_bad)
{
        for (const struct proto_param *param = table; param->name; param++) {
                json_object *value = NULL;
                json_object_object_get_ex(parameters, param->name, &value);
                if (!value && param->optional)
                        continue;
                if (!value || read_param(value, param, ret) < 0) {
                        *ret_bad = param->name;
                        return -EINVAL;
                }
        }
        json_object_object_foreach(parameters, name, value)
        {
                (void)value;
                if (strict && !is_known(table, name)) {
                        *ret_bad = name;
                        return -EINVAL;
                }
        }
        return 0;
}
