#include "view/sysctl/table.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static int compare_name(const void *name, const void *entry)
{
        return strcmp(name, ((const struct sysctl_entry *)entry)->name);
}

static const struct sysctl_entry *find_exact(const char *name)
{
        size_t count;
        const struct sysctl_entry *entries = sysctl_table(&count);

        return bsearch(name, entries, count, sizeof(entries[0]), compare_name);
}

const struct sysctl_entry *sysctl_table_find(const char *name)
{
        g_autofree char *prefix = g_strdup(name);
        const struct sysctl_entry *entry = find_exact(name);
        char *slash;

        while (!entry && (slash = strrchr(prefix, '/'))) {
                *slash = '\0';
                entry = find_exact(prefix);
                if (entry && sysctl_table_class(entry) != SYSCTL_NAMESPACED)
                        return NULL;
        }
        return entry;
}

/* An unreadable release counts as a new one. */
static bool is_before(unsigned major, unsigned minor)
{
        struct utsname name;
        unsigned a, b;

        if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &a, &b) != 2)
                return false;
        return a < major || (a == major && b < minor);
}

enum sysctl_class sysctl_table_class(const struct sysctl_entry *entry)
{
        return entry->flags & SYSCTL_SINCE_6_14 && is_before(6, 14) ? SYSCTL_PRIVATE : entry->klass;
}

bool sysctl_table_is_pid_space(const char *name)
{
        const struct sysctl_entry *entry = find_exact(name);

        return entry && entry->flags & SYSCTL_PID_SPACE && sysctl_table_class(entry) == SYSCTL_NAMESPACED;
}

static const char *const type_names[] = {
        [SYSCTL_NONE] = "",         [SYSCTL_INT] = "int",       [SYSCTL_UINT] = "uint",
        [SYSCTL_ULONG] = "ulong",   [SYSCTL_LONG] = "long",     [SYSCTL_BOOL] = "bool",
        [SYSCTL_BITMAP] = "bitmap", [SYSCTL_STRING] = "string",
};

/* What is said beside the range. */
static const struct {
        unsigned flag;
        const char *text;
} remarks[] = {
        {SYSCTL_LATCH, "; the largest value stays"},
        {SYSCTL_LATCH_AT_1, "; 1 stays"},
        {SYSCTL_FALLS, "; can only be made smaller"},
        {SYSCTL_ADDS, "; bits are added, never taken away"},
        {SYSCTL_POWER_OF_2, "; rounded up to a power of 2"},
        {SYSCTL_OR_0, ", or 0"},
        {SYSCTL_ELSE_100, "; 0 and less are 100"},
        {SYSCTL_BY_512, "; rounded up to a multiple of 512"},
        {SYSCTL_TRIGGER, "; checked, without effect"},
        {SYSCTL_CLEARS, "; makes %s 0"},
        {SYSCTL_AT_MOST, "; at most %s"},
        {SYSCTL_AT_LEAST, "; at least %s"},
        {SYSCTL_SINCE_6_14, "; private before Linux 6.14"},
        {SYSCTL_INITIAL, "in the initial network namespace only"},
};

static void append_range(const struct sysctl_entry *entry, GString *out)
{
        if (entry->count != 1)
                g_string_append(out, entry->count ? "s" : "s, as many as there are zones");
        if (entry->count > 1)
                g_string_append_printf(out, ", %u of them", entry->count);
        if (entry->min > INT_MIN || entry->max < INT_MAX)
                g_string_append_printf(out, ", %" G_GINT64_FORMAT " to %" G_GUINT64_FORMAT, entry->min,
                                       entry->max);
}

static void append_values(const struct sysctl_entry *entry, GString *out)
{
        if (entry->words)
                g_string_append_printf(out, ": %s", entry->words);
        else if (entry->type == SYSCTL_STRING)
                g_string_append_printf(out, " of at most %" G_GUINT64_FORMAT " bytes", entry->max - 1);
        else if (entry->type == SYSCTL_BITMAP)
                g_string_append_printf(out, ", bits 0 to %" G_GUINT64_FORMAT, entry->max);
        else if (entry->type != SYSCTL_NONE)
                append_range(entry, out);
}

char *sysctl_table_describe(const struct sysctl_entry *entry)
{
        GString *out = g_string_new(type_names[entry->type]);

        append_values(entry, out);
        for (size_t i = 0; i < G_N_ELEMENTS(remarks); i++) {
                if (!(entry->flags & remarks[i].flag))
                        continue;
                g_auto(GStrv) parts = g_strsplit(remarks[i].text, "%s", 2);
                g_string_append(out, parts[0]);
                if (parts[1])
                        g_string_append_printf(out, "%s%s", entry->partner, parts[1]);
        }
        return g_string_free(out, FALSE);
}
