/* Any bytes written to every sysctl that we keep: what is shown then is itself a value, and in normal form.
 */
#include "view/sysctl/value.h"

#include <glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_value(const struct sysctl_entry *entry, const char *text, size_t size)
{
        g_autoptr(GString) shown = g_string_new(NULL), again = g_string_new(NULL);

        if (sysctl_value_parse(entry, "4\t4\t1\t7\n", text, size, shown) < 0) {
                g_assert_cmpuint(shown->len, ==, 0);
                return;
        }
        g_assert_cmpuint(shown->len, <, 4096);
        if (entry->flags & SYSCTL_FALLS || entry->words) /* what is shown is not to be written again */
                return;
        g_assert_cmpint(sysctl_value_parse(entry, shown->str, shown->str, shown->len, again), ==, 0);
        g_assert_cmpstr(shown->str, ==, again->str);
}

/* Some of the bytes are there already, the others come behind them. */
static void write_at(const struct sysctl_entry *entry, const uint8_t *data, size_t size)
{
        g_autofree char *current = g_strndup((const char *)data, size / 2);
        g_autoptr(GString) shown = g_string_new(NULL);
        size_t taken;
        bool ignored;
        int r = sysctl_value_parse_at(entry, current, (const char *)data + size / 2, size - size / 2,
                                      (off_t)(size / 2), &ignored, &taken, shown);

        g_assert((r == 0 && !ignored) || shown->len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *host_text = g_strndup((const char *)data, size);
        const struct sysctl_entry guessed = sysctl_value_guess(host_text);
        size_t count;
        const struct sysctl_entry *entries = sysctl_table(&count);

        write_value(&guessed, (const char *)data, size);
        write_at(&guessed, data, size);
        for (size_t i = 0; i < count; i++)
                if (entries[i].klass == SYSCTL_PRIVATE) {
                        write_value(&entries[i], (const char *)data, size);
                        write_at(&entries[i], data, size);
                }
        return 0;
}
