#include "oci/sysctl.h"

#include "base/num.h"

#include <glib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 255 };

static bool components_are_good(const char *normal)
{
        g_auto(GStrv) parts = g_strsplit(normal, "/", -1);

        for (char **p = parts; *p; p++)
                if (**p == '\0' || g_str_equal(*p, ".") || g_str_equal(*p, ".."))
                        return false;
        return parts[0] != NULL;
}

char *sysctl_normal_name(const char *name)
{
        g_autofree char *normal = g_strdup(name);
        char *separator = normal + strcspn(normal, "./");

        if (strlen(normal) > NAME_MAX_BYTES)
                return NULL;
        if (*separator == '.')
                for (char *p = separator; *p; p++)
                        if (*p == '.' || *p == '/')
                                *p = *p == '.' ? '/' : '.';
        return components_are_good(normal) ? g_steal_pointer(&normal) : NULL;
}

bool sysctl_is_namespaced(const char *normal)
{
        static const char *const names[] = {
                "kernel/domainname",
                "kernel/hostname",
                "kernel/msgmax",
                "kernel/msgmnb",
                "kernel/msgmni",
                "kernel/sem",
                "kernel/shm_rmid_forced",
                "kernel/shmall",
                "kernel/shmmax",
                "kernel/shmmni",
                NULL,
        };
        /* of the machine, read-only in other network namespaces than its first: private */
        static const char *const global[] = {
                "net/core/rmem_default",
                "net/core/rmem_max",
                "net/core/wmem_default",
                "net/core/wmem_max",
                "net/netfilter/nf_conntrack_buckets",
                "net/netfilter/nf_conntrack_expect_max",
                "net/netfilter/nf_conntrack_max",
                "net/netfilter/nf_hooks_lwtunnel",
                NULL,
        };

        if (g_str_has_prefix(normal, "net/") || g_str_has_prefix(normal, "fs/mqueue/"))
                return !g_strv_contains(global, normal);
        return g_strv_contains(names, normal);
}

char *sysctl_shift_groups(const char *value, uint32_t start, uint32_t size)
{
        g_autofree char *text = g_strdelimit(g_strdup(value), "\t ,", ' ');
        char *blank = strchr(g_strstrip(text), ' ');
        uint64_t first, last;

        if (!blank)
                return NULL;
        *blank++ = '\0';
        if (num_parse_u64(text, &first) < 0 || num_parse_u64(g_strchug(blank), &last) < 0)
                return NULL;
        if (first > last || first >= size)
                return g_strdup("1 0"); /* nobody, as the kernel writes it */
        return g_strdup_printf("%u %u", start + (uint32_t)first, start + (uint32_t)MIN(last, size - 1));
}
