/* What is written to a sysctl -> the text it then shows, as the kernel's own handlers would do it. For names
 * whose values we keep; used by view/sysctl/sysctl.c and by whoever takes values from a container's
 * configuration. */
#pragma once

#include "view/sysctl/table.h"

/* text: what was written, len bytes of anything; no more than the first 4095 count, as in the kernel.
 * current: what the name shows now, which vectors and latches need; NULL: nothing. Appends the new text,
 * without a newline. Returns 0, -EINVAL: senseless, out of range, blank; a len of 0 appends nothing. */
int sysctl_value_parse(const struct sysctl_entry *entry, const char *current, const char *text, size_t len,
                       GString *out);

/* An entry for a name that only the policy knows, made after what the host shows: as many numbers, or a
 * string. */
struct sysctl_entry sysctl_value_guess(const char *host_text);
