/* What the administrator says about single sysctls: the class of a name and, for `raise`, its limit.
 * src/policy fills it from sysctl.d files, bin/ hands it to the rows through struct view_ctx. Once shared it
 * only changes as a whole, by sysctl_policy_replace(); locked inside. */
#pragma once

#include "base/cleanup.h"

#include <glib.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum sysctl_class {
        SYSCTL_HOST,       /* read only, the host's value; every name that nobody names */
        SYSCTL_NAMESPACED, /* the kernel's own value of the caller's namespaces */
        SYSCTL_PRIVATE,    /* a value per container that has no effect on the host */
        SYSCTL_RAISE,      /* as private, and the host's value is raised to it, up to a limit */
        SYSCTL_HIDDEN,     /* no such file */
};

struct sysctl_rule {
        enum sysctl_class klass;
        uint64_t limit; /* of SYSCTL_RAISE: the host's value is never raised above; UINT64_MAX: any */
};

struct sysctl_policy;

/* An empty policy: the built-in table counts. */
struct sysctl_policy *sysctl_policy_new(void);
void sysctl_policy_free(struct sysctl_policy *policy);
DEFINE_AUTOPTR(sysctl_policy, sysctl_policy_free)

/* Whether a text can name a sysctl: components divided by single '/', none empty, "." or "..", none too long.
 */
bool sysctl_name_is_valid(const char *name);

/* Sets the rule of a name below proc/sys, with '/' ("net/netfilter/nf_conntrack_max"); a later one replaces
 * an earlier one. Only while the policy is being filled. Returns 0, -EINVAL (a senseless name) or -EPERM
 * (what is not namespaced does not become so by decree). */
int sysctl_policy_set(struct sysctl_policy *policy, const char *name, const struct sysctl_rule *rule);

/* Puts the rules of other, which has none afterwards, in the place of these. Any thread. */
void sysctl_policy_replace(struct sysctl_policy *policy, struct sysctl_policy *other);

/* Whether the policy has a rule for a name; ret may be NULL. NULL policy: none. */
bool sysctl_policy_find(const struct sysctl_policy *policy, const char *name, struct sysctl_rule *ret);

/* Calls fn for each rule, in no order, with the lock held: fn must not call back into the policy. */
void sysctl_policy_foreach(const struct sysctl_policy *policy,
                           void (*fn)(const char *name, const struct sysctl_rule *rule, void *data),
                           void *data);

/* The class in the words of the policy files ("private"). */
const char *sysctl_class_name(enum sysctl_class klass);

/* Returns 0 or -EINVAL. */
int sysctl_class_parse(const char *text, enum sysctl_class *ret);

/* The class that counts: the policy's (what is in a hidden directory is hidden), else the built-in table's,
 * else SYSCTL_HOST. policy may be NULL. */
enum sysctl_class sysctl_policy_class(const struct sysctl_policy *policy, const char *name);
