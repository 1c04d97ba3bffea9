/* Errors of this folder: a sentence for a human beside the -errno for the program. */
#pragma once

#include <glib.h>

/* Sets *error to the text, a colon and what -r means, and returns r (< 0):
 * `return mnt_fail(error, err_negative(), "cannot mount %s", path);` */
int mnt_fail(GError **error, int r, const char *format, ...) G_GNUC_PRINTF(3, 4);
