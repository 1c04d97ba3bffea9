/* Varlink messages <-> bytes, for both ends of the control socket. A message is one JSON object in UTF-8,
 * ended by a NUL byte, which the socket's owner cuts off and puts back. A call is {"method", "parameters",
 * "oneway", "more", "upgrade"}, a reply {"parameters", "continues"}, an error {"error", "parameters"}.
 * Requests have at most 64 KiB, replies 4 MiB, both at most 16 objects in each other. */
#pragma once

#include "base/cleanup.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

enum { PROTO_REQUEST_MAX = 64 * 1024, PROTO_REPLY_MAX = 4 * 1024 * 1024, PROTO_DEPTH_MAX = 16 };

#define PROTO_INTERFACE "io.cloister.Containers"
#define PROTO_SERVICE "org.varlink.service"

struct proto_call {
        char *method;            /* with its interface */
        json_object *parameters; /* an object, never NULL */
        bool oneway;             /* wants no reply */
        bool more,
                upgrade; /* asks for several replies; for another protocol. Not offered by any method yet */
};

struct proto_reply {
        char *error;             /* NULL: a success */
        json_object *parameters; /* an object, never NULL */
};

/* One message without its NUL. Returns 0, -EFBIG (above the limit), -EBADMSG (no JSON object, too deep, not
 * UTF-8, more than one value) or -EPROTO (JSON, but not a call or not a reply). */
int proto_parse_call(const char *text, size_t len, struct proto_call **ret);
void proto_call_free(struct proto_call *call);
DEFINE_AUTOPTR(proto_call, proto_call_free)

/* As proto_parse_call(). */
int proto_parse_reply(const char *text, size_t len, struct proto_reply **ret);
void proto_reply_free(struct proto_reply *reply);
DEFINE_AUTOPTR(proto_reply, proto_reply_free)

/* Append a message with its NUL. parameters is borrowed; NULL: {}. Return 0, or -EFBIG above the limit with
 * out as it was. */
int proto_format_call(const char *method, json_object *parameters, GString *out);
int proto_format_reply(json_object *parameters, GString *out);
int proto_format_error(const char *error, json_object *parameters, GString *out);

/* A JSON object from text of at most max bytes, or the same errors as above. */
int proto_parse_object(const char *text, size_t len, size_t max, json_object **ret);

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD. */
json_object *proto_new_string(const char *text, size_t len);

/* The text of io.cloister.Containers.varlink. */
const char *proto_interface_text(void);

static inline void proto_put_object(json_object **object)
{
        json_object_put(*object);
}

/* Declares a json_object * that is put at the end of its scope. */
#define auto_json __attribute__((cleanup(proto_put_object))) json_object *
