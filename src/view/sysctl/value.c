#include "view/sysctl/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* NUMBER_MAX: the kernel refuses digits that fill its buffer of 22 bytes. */
enum { PAGE = 4096, NUMBER_MAX = 21, COUNT_MAX = 16, GUESSED_STRING = 256 };

/* What is left of the written text. */
struct input {
        const char *text;
        size_t left;
};

static bool is_space(char c)
{
        return c == ' ' || (c >= '\t' && c <= '\r') ||
               c == (char)0xa0; /* the kernel's isspace() is Latin-1 */
}

static void skip_spaces(struct input *in)
{
        for (; in->left > 0 && is_space(*in->text); in->left--)
                in->text++;
}

static int digit_value(char c)
{
        return g_ascii_isxdigit(c) ? g_ascii_xdigit_value(c) : G_MAXINT;
}

/* As the kernel's simple_strtoul() with base 0, but an overflow is an error. Returns the characters used, or
 * 0. */
static size_t parse_digits(const char *text, uint64_t *ret)
{
        bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && g_ascii_isxdigit(text[2]);
        int base = hex ? 16 : text[0] == '0' ? 8 : 10;
        size_t used = hex ? 2 : 0;
        uint64_t value = 0;

        for (; digit_value(text[used]) < base; used++)
                if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
                    __builtin_add_overflow(value, (uint64_t)digit_value(text[used]), &value))
                        return 0;
        *ret = value;
        return used;
}

/* proc_get_long(): a sign, a number, and then a blank or the end. */
static int parse_number(struct input *in, bool *ret_negative, uint64_t *ret)
{
        char buffer[NUMBER_MAX + 1] = "";
        size_t len = MIN(in->left, NUMBER_MAX), sign, used;

        memcpy(buffer, in->text, len);
        sign = buffer[0] == '-' && in->left > 1;
        if (!g_ascii_isdigit(buffer[sign]))
                return -EINVAL;
        used = parse_digits(buffer + sign, ret);
        if (used == 0 || sign + used == NUMBER_MAX)
                return -EINVAL;
        used += sign;
        if (used < in->left && !memchr(" \t\n", in->text[used], 3))
                return -EINVAL;
        *ret_negative = sign;
        in->text += used;
        in->left -= used;
        return 0;
}

static bool in_range(const struct sysctl_entry *entry, bool negative, uint64_t value)
{
        if (!negative)
                return value <= entry->max && (entry->min <= 0 || value >= (uint64_t)entry->min);
        return entry->type != SYSCTL_UINT && entry->type != SYSCTL_ULONG && entry->min <= 0 &&
               value <= -(uint64_t)entry->min;
}

/* Whether a latch is at its end and would be moved from it. */
static bool is_latched(const struct sysctl_entry *entry, const char *current, uint64_t value)
{
        return entry->flags & SYSCTL_LATCH && current && g_ascii_strtoull(current, NULL, 10) == entry->max &&
               value != entry->max;
}

/* The numbers that were written, in normal form; returns how many, or -EINVAL. What follows the last one that
 * the file has is not looked at. */
static int parse_numbers(const struct sysctl_entry *entry, const char *current, struct input *in,
                         char (*ret)[NUMBER_MAX + 4])
{
        unsigned n = 0;

        for (; in->left > 0 && n < entry->count; n++) {
                bool negative;
                uint64_t value;
                skip_spaces(in);
                if (in->left == 0)
                        break;
                if (parse_number(in, &negative, &value) < 0 || !in_range(entry, negative, value) ||
                    is_latched(entry, current, value))
                        return -EINVAL;
                g_snprintf(ret[n], sizeof(ret[n]), "%s%" G_GUINT64_FORMAT, negative && value ? "-" : "",
                           value);
        }
        return n > 0 ? (int)n : -EINVAL;
}

/* Numbers that were not written stay as they are. */
static int parse_vector(const struct sysctl_entry *entry, const char *current, struct input *in, GString *out)
{
        g_auto(GStrv) old = g_strsplit_set(current ? current : "", " \t\n", COUNT_MAX);
        char numbers[COUNT_MAX][NUMBER_MAX + 4];
        unsigned n_old = g_strv_length(old);
        int n = parse_numbers(entry, current, in, numbers);

        if (n < 0)
                return n;
        for (unsigned i = 0; i < entry->count; i++) {
                const char *number = i < (unsigned)n ? numbers[i] : i < n_old && *old[i] ? old[i] : "0";
                g_string_append_printf(out, "%s%s", i > 0 ? "\t" : "", number);
        }
        return 0;
}

int sysctl_value_parse(const struct sysctl_entry *entry, const char *current, const char *text, size_t len,
                       GString *out)
{
        struct input in = {.text = text, .left = MIN(len, PAGE - 1)};

        if (len == 0)
                return 0;
        if (entry->type != SYSCTL_STRING)
                return parse_vector(entry, current, &in, out);
        for (size_t i = 0; i < in.left && i + 1 < entry->max && text[i] && text[i] != '\n'; i++)
                g_string_append_c(out, text[i]);
        return 0;
}

static bool is_number(const char *text)
{
        text += *text == '-';
        return *text && text[strspn(text, "0123456789")] == '\0';
}

struct sysctl_entry sysctl_value_guess(const char *host_text)
{
        g_autofree char *text = g_strstrip(g_strdup(host_text));
        g_auto(GStrv) words = g_strsplit_set(text, " \t\n", -1);
        struct sysctl_entry numbers = {
                .klass = SYSCTL_PRIVATE, .type = SYSCTL_LONG, .min = INT64_MIN, .max = UINT64_MAX};
        struct sysctl_entry string = {.klass = SYSCTL_PRIVATE, .type = SYSCTL_STRING, .max = GUESSED_STRING};

        for (char **word = words; *word; word++)
                if (!is_number(*word) || ++numbers.count > COUNT_MAX)
                        return string;
        return numbers.count > 0 ? numbers : string;
}
