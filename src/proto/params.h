/* Parameters of a call -> a C struct, by a table: what is missing, unknown, of a wrong type or too long is
 * refused by name. Used by the server for requests and by the client for replies. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum proto_type {
        PROTO_STRING, /* const char *: no NUL inside; max is its length in bytes */
        PROTO_INT,    /* int64_t, min .. max */
        PROTO_MAP,    /* json_object *: of strings; max is the number of members */
        PROTO_ARRAY,  /* json_object *: of anything; max is its length */
};

enum { PROTO_VALUE_MAX = 8192 }; /* bytes of a name or value in a map */

struct proto_param {
        const char *name;
        enum proto_type type;
        bool optional; /* absent or null: the field stays as it is */
        int64_t min, max;
        size_t offset; /* of the field in the struct */
};

/* table ends with a row without a name. Fields of ret are written as they are read and borrow from
 * parameters. Members that the table does not have are an error if strict. Returns 0 or -EINVAL, then
 * *ret_bad (borrowed from parameters or the table) is the name of the first bad one. */
int proto_read_params(json_object *parameters, const struct proto_param *table, bool strict, void *ret,
                      const char **ret_bad);
