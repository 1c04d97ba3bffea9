/* The dynamic directory proc/sys: one sysctl is one file, and what a read or write of it does depends on its
 * class (view/sysctl/policy.h) and on who asks. */
#pragma once

#include "view/vfile.h"

/* As struct vdir says. Paths are refused (-ENOENT) when a component is "", "." or "..". Any thread. */
extern const struct vdir view_sysctl_dir;
