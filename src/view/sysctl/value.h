/* What is written to a sysctl -> the text it then shows, as the kernel's own handlers would do it. For names
 * whose values we keep; used by view/sysctl/sysctl.c and by whoever takes values from a container's
 * configuration. */
#pragma once

#include "view/sysctl/table.h"

#include <sys/types.h>

/* text: what was written, len bytes of anything; no more than the first 4095 count, as in the kernel.
 * current: what the name shows now, which vectors, latches and the like need; NULL: nothing. Appends the new
 * text, without a newline. Returns 0, -EINVAL: senseless, out of range, blank; -ERANGE, -EPERM: where the
 * table says so; on failure nothing is appended. A len of 0 appends nothing. What stands behind the last
 * number is not looked at. A vector is taken whole or not
 * at all; the kernel would have kept the numbers before the bad one. */
int sysctl_value_parse(const struct sysctl_entry *entry, const char *current, const char *text, size_t len,
                       GString *out);

/* The same for a write at an offset, as with kernel.sysctl_writes_strict = 1: numbers that do not come at
 * offset 0 are ignored, strings are continued there, bits are added. *ret_ignored tells that nothing is to
 * change; *ret_taken how many bytes the kernel would say it took. */
int sysctl_value_parse_at(const struct sysctl_entry *entry, const char *current, const char *text, size_t len,
                          off_t offset, bool *ret_ignored, size_t *ret_taken, GString *out);

/* An entry for a name that only the policy knows, made after what the host shows: as many numbers, or a
 * string. */
struct sysctl_entry sysctl_value_guess(const char *host_text);
