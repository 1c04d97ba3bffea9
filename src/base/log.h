/* Lines to standard error, with the level in the form that systemd's journal reads ("<6>text"), or without it
 * on a terminal. One write(2) a line: lines of several threads and processes do not mix. The only global of
 * src/ is the level, set once by main(). */
#pragma once

#include <glib.h>

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* "error", "warning", "info" or "debug". Returns 0 or -EINVAL. Call before any thread is made. */
int log_set_level(const char *name);

void log_message(enum log_level level, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Logs an error as "<text>: <name of -r>" and returns r, so that a failure is logged where it is understood:
 * `return log_errno(r, "cannot open %s", path);` */
int log_errno(int r, const char *format, ...) G_GNUC_PRINTF(2, 3);

#define log_error(...) log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)
