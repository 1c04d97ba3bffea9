/* The render functions of the rows below sys/; view/view.c has the table. Contracts as in struct vfile. */
#pragma once

#include "view/vfile.h"

/* The CPUs shown, as a list: "0-1,3". */
int view_render_cpu_online(const struct view_ctx *ctx, GString *out);
