#include "view/sysctl/policy.h"

#include "view/sysctl/table.h"

#include <errno.h>
#include <string.h>

struct sysctl_policy {
        GRWLock *lock;     /* on its own: readers have a const policy */
        GHashTable *rules; /* name -> struct sysctl_rule */
};

static const char *const class_names[] = {
        [SYSCTL_HOST] = "host",   [SYSCTL_NAMESPACED] = "namespaced", [SYSCTL_PRIVATE] = "private",
        [SYSCTL_RAISE] = "raise", [SYSCTL_HIDDEN] = "hidden",
};

struct sysctl_policy *sysctl_policy_new(void)
{
        struct sysctl_policy *policy = g_new0(struct sysctl_policy, 1);

        policy->lock = g_new0(GRWLock, 1);
        g_rw_lock_init(policy->lock);
        policy->rules = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return policy;
}

void sysctl_policy_free(struct sysctl_policy *policy)
{
        if (!policy)
                return;
        g_hash_table_unref(policy->rules);
        g_rw_lock_clear(policy->lock);
        g_free(policy->lock);
        g_free(policy);
}

bool sysctl_name_is_valid(const char *name)
{
        for (;; name++) {
                size_t len = strcspn(name, "/");
                if (len == 0 || len > NAME_MAX || (len == 1 && name[0] == '.') ||
                    (len == 2 && name[0] == '.' && name[1] == '.'))
                        return false;
                name += len;
                if (!*name)
                        return true;
        }
}

static bool is_namespaced(const char *name)
{
        const struct sysctl_entry *entry = sysctl_table_find(name);

        return entry && sysctl_table_class(entry) == SYSCTL_NAMESPACED;
}

int sysctl_policy_set(struct sysctl_policy *policy, const char *name, const struct sysctl_rule *rule)
{
        if (!sysctl_name_is_valid(name))
                return -EINVAL;
        if (rule->klass == SYSCTL_NAMESPACED && !is_namespaced(name))
                return -EPERM;
        g_hash_table_replace(policy->rules, g_strdup(name), g_memdup2(rule, sizeof(*rule)));
        return 0;
}

void sysctl_policy_replace(struct sysctl_policy *policy, struct sysctl_policy *other)
{
        g_rw_lock_writer_lock(policy->lock);
        GHashTable *old = policy->rules;
        policy->rules = other->rules;
        g_rw_lock_writer_unlock(policy->lock);
        other->rules = old;
        g_hash_table_remove_all(old);
}

bool sysctl_policy_find(const struct sysctl_policy *policy, const char *name, struct sysctl_rule *ret)
{
        const struct sysctl_rule *rule;

        if (!policy)
                return false;
        g_rw_lock_reader_lock(policy->lock);
        rule = g_hash_table_lookup(policy->rules, name);
        if (rule && ret)
                *ret = *rule;
        g_rw_lock_reader_unlock(policy->lock);
        return rule != NULL;
}

void sysctl_policy_foreach(const struct sysctl_policy *policy,
                           void (*fn)(const char *name, const struct sysctl_rule *rule, void *data),
                           void *data)
{
        GHashTableIter iter;
        gpointer name, rule;

        g_rw_lock_reader_lock(policy->lock);
        g_hash_table_iter_init(&iter, policy->rules);
        while (g_hash_table_iter_next(&iter, &name, &rule))
                fn(name, rule, data);
        g_rw_lock_reader_unlock(policy->lock);
}

const char *sysctl_class_name(enum sysctl_class klass)
{
        return class_names[klass];
}

int sysctl_class_parse(const char *text, enum sysctl_class *ret)
{
        for (size_t i = 0; i < G_N_ELEMENTS(class_names); i++)
                if (strcmp(class_names[i], text) == 0) {
                        *ret = (enum sysctl_class)i;
                        return 0;
                }
        return -EINVAL;
}

/* Hidden directories hide what is in them. */
static bool in_hidden(const struct sysctl_policy *policy, const char *name)
{
        g_autofree char *prefix = g_strdup(name);
        char *slash;

        while ((slash = strrchr(prefix, '/'))) {
                *slash = '\0';
                struct sysctl_rule rule;
                if (sysctl_policy_find(policy, prefix, &rule) && rule.klass == SYSCTL_HIDDEN)
                        return true;
        }
        return false;
}

enum sysctl_class sysctl_policy_class(const struct sysctl_policy *policy, const char *name)
{
        const struct sysctl_entry *entry;
        struct sysctl_rule rule;

        if (policy && in_hidden(policy, name))
                return SYSCTL_HIDDEN;
        if (sysctl_policy_find(policy, name, &rule))
                return rule.klass;
        entry = sysctl_table_find(name);
        return entry ? sysctl_table_class(entry) : SYSCTL_HOST;
}
