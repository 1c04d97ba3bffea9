/* The administrator's sysctl.d files -> struct sysctl_policy:
 *
 *     [net.netfilter.nf_conntrack_max]
 *     class=raise
 *     limit=1048576
 *
 * Files *.conf of a folder in the order of their names; what comes later replaces what came before. class is
 * private, raise, host, hidden or namespaced; raise needs a limit, the others have none. */
#pragma once

#include "view/sysctl/policy.h"

#include <glib.h>

enum { SYSCTL_D_SIZE_MAX = 1024 * 1024 };

/* A folder that does not exist is empty. Returns 0 or -errno with error set: file, line, reason. */
int sysctl_d_read(const char *folder, struct sysctl_policy *policy, GError **error);

/* The text of one such file that says all that a policy says. To free with g_free(). */
char *sysctl_d_render(const struct sysctl_policy *policy);
