/* Calls over one connection, inside libcloister: client.c and methods.c make of them what cloister.h
 * promises. */
#pragma once

#include "client/cloister.h"
#include "proto/varlink.h"

/* Sets error (which may be NULL) to "<text>" with code -r and returns r. */
int call_fail(GError **error, int r, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Calls a method of io.cloister.Containers ("List"), or of another interface by its full name. parameters is
 * taken over; NULL: {}. *ret, a reference, is the parameters of the answer. An error in the answer is turned
 * into a message and a -errno. A connection that the server closed (it was restarted, or it was idle for
 * long) is made again once. */
int call_method(struct cloister *cloister, const char *method, json_object *parameters, json_object **ret,
                GError **error);

/* An error answer -> -errno and a message with its reason and the next step. */
int call_fail_reply(const struct proto_reply *reply, const char *method, GError **error);
