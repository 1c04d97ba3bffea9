/* Names of kernel parameters in a spec's `linux.sysctl`, and who is to set them. Pure text. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The name with '/' between its components, as below /proc/sys: "net.ipv4.ip_forward" and
 * "net/ipv4/ip_forward" give the same; as with sysctl(8), the first separator decides which of '.' and '/'
 * separates, and the other then stands for a literal '.' ("net/ipv4/conf/eth0.1/forwarding"). Returns NULL
 * for a name that cannot be a path below /proc/sys (empty, ".." or an empty component, more than 255 bytes).
 * Free with g_free(). */
char *sysctl_normal_name(const char *name);

/* Whether the kernel keeps a value of its own per namespace for this normal name (IPC, UTS, mqueue, net), so
 * that a runtime accepts it in a spec. The others are private to the container, kept by cloisterd. */
bool sysctl_is_namespaced(const char *normal);

/* The value of net/ipv4/ping_group_range, given in a container's group ids 0..size-1, as the same groups are
 * called outside, where they are start..start+size-1. Returns NULL if it is not two numbers. Free with
 * g_free(). */
char *sysctl_shift_groups(const char *value, uint32_t start, uint32_t size);
