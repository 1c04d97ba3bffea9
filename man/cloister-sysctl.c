/* Writes cloister-sysctl.5.scd with the table of sysctls behind it to standard output: run by the build. */
#include "view/sysctl/table.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* As sysctl(8) writes names, with what scdoc would take for marks of its own escaped. */
static void print_name(const char *name)
{
        for (; *name; name++)
                printf(*name == '_' ? "\\_" : "%c", *name == '/' ? '.' : *name);
}

static void print_text(const char *text)
{
        for (; *text; text++)
                printf(strchr("_*[]\\", *text) ? "\\%c" : "%c", *text);
}

static void print_entry(const struct sysctl_entry *entry, bool last)
{
        g_autofree char *values = sysctl_table_describe(entry);

        putchar('*');
        print_name(entry->name);
        printf("* %s%s", sysctl_class_name(entry->klass), *values ? ": " : "");
        print_text(values);
        puts(last ? "" : "++");
}

static bool same_directory(const char *a, const char *b)
{
        size_t len = strcspn(a, "/");

        return strcspn(b, "/") == len && strncmp(a, b, len) == 0;
}

static void print_all(void)
{
        size_t count;
        const struct sysctl_entry *entries = sysctl_table(&count);

        for (size_t i = 0; i < count; i++) {
                const char *name = entries[i].name;
                if (i == 0 || !same_directory(entries[i - 1].name, name))
                        printf("\n## %.*s\n\n", (int)strcspn(name, "/"), name);
                print_entry(&entries[i], i + 1 == count || !same_directory(name, entries[i + 1].name));
        }
        puts("\n# SEE ALSO\n\n*sysctl*(8), *cloister*(7), *cloister.conf*(5), *cloisterctl*(1), "
             "*cloisterd*(8)");
}

int main(int argc, char **argv)
{
        g_autofree char *head = NULL;

        if (argc != 2 || !g_file_get_contents(argv[1], &head, NULL, NULL)) {
                fputs("Usage: cloister-sysctl-manual FILE\n", stderr);
                return 1;
        }
        fputs(head, stdout);
        print_all();
        return fflush(stdout) != 0;
}
