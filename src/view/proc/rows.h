/* The render functions of the rows below proc/, one file each; view/view.c has the table. Each passes the
 * kernel's text through for the host's own view. Contracts as in struct vfile. */
#pragma once

#include "view/vfile.h"

/* "uptime idle", seconds: since the container's start; its CPUs' time less what it used. */
int view_render_uptime(const struct view_ctx *ctx, GString *out);

/* Under a limit every line is the group's own figure, or 0 where the kernel keeps none by group; without one
 * the host's. */
int view_render_meminfo(const struct view_ctx *ctx, GString *out);

/* The kernel's blocks of the CPUs shown. */
int view_render_cpuinfo(const struct view_ctx *ctx, GString *out);

/* CPU times are the group's own; idle is the rest of the container's life. btime is its start. intr, ctxt and
 * softirq are 0: the kernel counts them for no group. processes is the highest PID given out (of the first
 * 256 tasks). */
int view_render_stat(const struct view_ctx *ctx, GString *out);

/* See view/proc/loadavg.c on how it is computed. */
int view_render_loadavg(const struct view_ctx *ctx, GString *out);

/* One line "none" with the swap limit where there is one and the host has swap; else the host's list. */
int view_render_swaps(const struct view_ctx *ctx, GString *out);
