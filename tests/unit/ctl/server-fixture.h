/* A control server of its own for one test: state and socket in a temporary folder, the real host, a thread
 * that runs its main loop. Needs root. */
#pragma once

#include "ctl/ctl.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

enum { FIXTURE_BLOCKS = 4 };

/* Where the ids of this test begin, and as a text: far above what people configure, and other ones in each
 * process, as ids that any process of the machine uses are not free. */
extern uint32_t fixture_ids;
extern char fixture_ids_text[16];

extern char *fixture_folder, *fixture_socket;
extern struct ctl *fixture_ctl;
extern struct registry *fixture_registry;

void fixture_setup(void);
void fixture_teardown(void);

/* The server ends and another one takes over its socket and its state. */
void fixture_restart(void);
void fixture_stop(void);
void fixture_start(void);

/* A process that sleeps; own: in a user namespace of its own whose ids 0 to 65535 are those from start. */
pid_t fixture_fork(bool own, uint32_t start);
void fixture_kill(pid_t pid);

/* A connected socket; sending all of a text; one message (without its NUL) or NULL at the end of the
 * connection. */
int fixture_connect(void);
void fixture_send(int fd, const char *text, size_t len);
char *fixture_receive(int fd);

/* A call on a connection of its own, printf style parameters. The whole answer, to be put. */
json_object *fixture_call(const char *method, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The error of an answer without its interface, or "". */
const char *fixture_error(json_object *answer);
int64_t fixture_int(json_object *answer, const char *parameter);
const char *fixture_text(json_object *answer, const char *parameter);

/* Whether the state has a file; waits until it has (or not) for at most 15 seconds. */
bool fixture_has(const char *folder, const char *name);
bool fixture_await(const char *folder, const char *name, bool there);
