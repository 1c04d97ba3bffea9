/* Prints what is to be written to each private sysctl of the table, in the format of sysctl-text.h, for
 * sysctl-probe. What would hurt the machine that is asked (all of its memory, hours of delay) is left out,
 * latches come last. */
#include "sysctl-text.h"
#include "view/sysctl/table.h"

#include <inttypes.h>

/* Largest values that are tried, of those in range. */
static const struct {
        const char *name;
        uint64_t max;
} ceilings[] = {
        {"kernel/printk_delay", 3},       {"net/netfilter/nf_conntrack_buckets", 4096},
        {"vm/min_free_kbytes", 20000},    {"vm/nr_hugepages", 3},
        {"vm/nr_hugepages_mempolicy", 3},
};

static const char *const number_words[] = {
        "\"\"",
        "\\n",
        "\\s",
        "abc",
        "1abc",
        "0x3",
        "0X3",
        "03",
        "08",
        "0x",
        "0xg",
        "\\s1",
        "\\t0",
        "\\n1",
        "\\xa01",
        "0\\n",
        "1\\s\\n",
        "0\\r\\n",
        "1\\s0",
        "0,1",
        "1.5",
        "-1",
        "-0",
        "-",
        "--1",
        "-\\s1",
        "+1",
        "0\\x001",
        "\\x001",
        "1\\x00",
        "2147483647",
        "2147483648",
        "-2147483648",
        "-2147483649",
        "4294967295",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "00000000000000000001",
        "000000000000000000001",
        "0000000000000000000001",
        "5000*1",
        "5000*0",
};
static const char *const vector_words[] = {
        "1\\s2",  "1\\t2\\t3\\t4\\n", "4\\s3\\s2\\s1\\s0\\s9", "1\\n2", "2\\s\\s3", "5\\sx\\s7",
        "6\\s-1", "3\\s\\n",
};
static const char *const string_words[] = {
        "\"\"", "\\n",  "x",    "xy\\n", "x\\ny", "\\sx",  "x\\x00y", "8*a",   "9*a",    "10*a",
        "15*a", "16*a", "99*a", "100*a", "127*a", "128*a", "255*a",   "256*a", "5000*a", "core",
};
static const char *const bitmap_words[] = {
        "\"\"",  "\\n",  "1",     "0-1\\n", "0,1", "1-0",  "1-",   "-1",   ",",           "0,,1",   "1,\\n",
        "0\\n1", "\\s1", "0\\s1", "0x1",    "abc", "0-1,", "8191", "8192", "99999999999", "5000*1",
};

static void print_write(const char *word, unsigned offset)
{
        printf("%s %u\n", word, offset);
}

static uint64_t ceiling_of(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(ceilings); i++)
                if (strcmp(ceilings[i].name, name) == 0)
                        return ceilings[i].max;
        return UINT64_MAX;
}

/* A word that is a number in range and above the ceiling is not for this name. */
static void print_number(const struct sysctl_entry *entry, const char *word, unsigned offset)
{
        char bytes[SYSCTL_TEXT_MAX + 1];
        uint64_t value;

        bytes[sysctl_text_decode(word, bytes)] = '\0';
        errno = 0;
        value = strtoull(bytes, NULL, 0);
        if (errno || bytes[0] == '-' || value <= ceiling_of(entry->name) || value > entry->max)
                print_write(word, offset);
}

static void print_value(const struct sysctl_entry *entry, uint64_t value)
{
        char word[32];

        g_snprintf(word, sizeof(word), "%" PRIu64, value);
        print_number(entry, word, 0);
        if (entry->partner)
                printf("? %s\n", entry->partner);
}

static void print_range(const struct sysctl_entry *entry)
{
        char word[32];

        if (entry->min < 0) {
                g_snprintf(word, sizeof(word), "%" PRId64, entry->min);
                print_write(word, 0);
                g_snprintf(word, sizeof(word), "%" PRId64, entry->min - (entry->min > INT64_MIN));
                print_write(word, 0);
        } else if (entry->min > 0) {
                print_value(entry, (uint64_t)entry->min - 1);
                print_value(entry, (uint64_t)entry->min);
        }
        print_value(entry, entry->max / 2 + (uint64_t)MAX(entry->min, 0) / 2);
        print_value(entry, entry->max);
        if (entry->max < UINT64_MAX)
                print_value(entry, entry->max + 1);
        for (uint64_t value = 2; value <= 6; value++)
                print_value(entry, value);
}

static void print_numbers(const struct sysctl_entry *entry)
{
        for (size_t i = 0; i < G_N_ELEMENTS(number_words); i++)
                print_number(entry, number_words[i], 0);
        for (size_t i = 0; entry->count != 1 && i < G_N_ELEMENTS(vector_words); i++)
                print_write(vector_words[i], 0);
        print_range(entry);
        print_number(entry, "1", 0);
        print_number(entry, "0", 1);
        print_write("x", 1);
        print_write("\"\"", 1);
        print_number(entry, "0", 4096);
}

static void print_words(const struct sysctl_entry *entry, const char *const *words, size_t n)
{
        g_auto(GStrv) own = g_strsplit(entry->words ? entry->words : "", "|", -1);

        for (size_t i = 0; i < n; i++)
                print_write(words[i], 0);
        for (char **word = own; *word; word++) {
                g_autofree char *line = g_strconcat(*word, "\\n", NULL),
                                *more = g_strconcat(*word, "1", NULL);
                print_write(*word, 0);
                print_write(line, 0);
                print_write(more, 0);
        }
        print_write("1", 1);
        print_write("1\\n", 2);
        print_write("1", 200);
        print_write("\"\"", 1);
        print_write("1", 5000);
}

static void print_entry(const struct sysctl_entry *entry)
{
        printf("@ %s\n", entry->name);
        if (entry->type == SYSCTL_STRING)
                print_words(entry, string_words, G_N_ELEMENTS(string_words));
        else if (entry->type == SYSCTL_BITMAP)
                print_words(entry, bitmap_words, G_N_ELEMENTS(bitmap_words));
        else
                print_numbers(entry);
}

static bool is_latch(const struct sysctl_entry *entry)
{
        return entry->flags & (SYSCTL_LATCH | SYSCTL_LATCH_AT_1 | SYSCTL_FALLS | SYSCTL_ADDS);
}

int main(void)
{
        size_t n;
        const struct sysctl_entry *entries = sysctl_table(&n);

        for (int latches = 0; latches < 2; latches++)
                for (size_t i = 0; i < n; i++)
                        if (entries[i].type != SYSCTL_NONE && is_latch(&entries[i]) == latches)
                                print_entry(&entries[i]);
        return 0;
}
