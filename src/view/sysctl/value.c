#include "view/sysctl/value.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* NUMBER_MAX: the kernel refuses digits that fill its buffer of 22 bytes. */
enum {
        PAGE = 4096,
        NUMBER_MAX = 21,
        NUMBER_TEXT = NUMBER_MAX + 4,
        COUNT_MAX = 16,
        GUESSED_STRING = 256,
        TAINT_BITS = (1 << 19) - 1
};

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

static void skip_newlines(struct input *in)
{
        for (; in->left > 0 && *in->text == '\n'; in->left--)
                in->text++;
}

static char skip_char(struct input *in)
{
        in->left--;
        return *in->text++;
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

/* proc_get_long(): a sign, a number, and then one of n separators or the end. */
static int parse_number(struct input *in, const char *separators, size_t n, bool *ret_negative, uint64_t *ret)
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
        if (used < in->left && !memchr(separators, in->text[used], n))
                return -EINVAL;
        *ret_negative = sign;
        in->text += used;
        in->left -= used;
        return 0;
}

/* Returns 0, -EINVAL or -ERANGE. */
static int check_range(const struct sysctl_entry *entry, bool negative, uint64_t value)
{
        bool is_signed = entry->type != SYSCTL_UINT && entry->type != SYSCTL_ULONG;

        if (negative && (value > 0 || !is_signed))
                return is_signed && entry->min <= 0 && value <= -(uint64_t)entry->min ? 0 : -EINVAL;
        if (entry->flags & SYSCTL_ERANGE && (value + PAGE - 1) / PAGE > UINT_MAX) /* may wrap, as there */
                return -ERANGE;
        if (value > entry->max && !(entry->flags & SYSCTL_ERANGE))
                return -EINVAL;
        if (value == 0 && entry->flags & SYSCTL_OR_0)
                return 0;
        return entry->min <= 0 || value >= (uint64_t)entry->min ? 0 : -EINVAL;
}

/* Whether a value can follow the present one. Returns 0, -EINVAL or -EPERM. */
static int check_move(const struct sysctl_entry *entry, const char *current, uint64_t value)
{
        int64_t now = current ? g_ascii_strtoll(current, NULL, 10) : -1;

        if (entry->flags & SYSCTL_LATCH && (uint64_t)now == entry->max && value != entry->max)
                return -EINVAL;
        if (entry->flags & SYSCTL_LATCH_AT_1 && now == 1 && value != 1)
                return -EPERM;
        return entry->flags & SYSCTL_FALLS && now >= 0 && value >= (uint64_t)now ? -EINVAL : 0;
}

static uint64_t round_up(uint64_t size)
{
        uint64_t power = PAGE;

        while (power < size)
                power *= 2;
        return power;
}

/* What the kernel keeps of a number. */
static uint64_t normalise(const struct sysctl_entry *entry, const char *current, uint64_t value)
{
        if (entry->type == SYSCTL_BOOL)
                return value != 0;
        if (entry->flags & SYSCTL_POWER_OF_2)
                return round_up(value);
        if (entry->flags & SYSCTL_BY_512)
                return MIN((value + 511) / 512 * 512, entry->max);
        if (entry->flags & SYSCTL_ADDS)
                value &= TAINT_BITS;
        return entry->flags & SYSCTL_ADDS && current ? value | g_ascii_strtoull(current, NULL, 10) : value;
}

static int parse_one(const struct sysctl_entry *entry, const char *current, struct input *in,
                     char ret[NUMBER_TEXT])
{
        bool negative;
        uint64_t value;
        int r = parse_number(in, " \t\n", 3, &negative, &value);

        if (r == 0)
                r = check_range(entry, negative, value);
        if (r == 0)
                r = check_move(entry, current, value);
        if (r < 0)
                return r;
        value = normalise(entry, current, value);
        if (entry->flags & SYSCTL_LENIENT && negative)
                value = 0;
        if (entry->flags & SYSCTL_ELSE_100 && (negative || value == 0)) {
                value = 100;
                negative = false;
        }
        g_snprintf(ret, NUMBER_TEXT, "%s%" G_GUINT64_FORMAT,
                   negative && value && entry->type != SYSCTL_BOOL ? "-" : "", value);
        return 0;
}

/* The numbers that were written, in normal form; returns how many, or -errno. What follows the last one that
 * the file has is not looked at. */
static int parse_numbers(const struct sysctl_entry *entry, const char *current, unsigned count,
                         struct input *in, char (*ret)[NUMBER_TEXT])
{
        unsigned n = 0;

        for (; in->left > 0 && n < count; n++) {
                skip_spaces(in);
                if (in->left == 0)
                        break;
                int r = parse_one(entry, current, in, ret[n]);
                if (r < 0 && entry->flags & SYSCTL_LENIENT)
                        return (int)n;
                if (r < 0)
                        return r;
        }
        return n > 0 || entry->flags & SYSCTL_LENIENT ? (int)n : -EINVAL;
}

static unsigned count_words(const GStrv words)
{
        unsigned n = 0;

        while (words[n] && *words[n])
                n++;
        return MIN(n, COUNT_MAX);
}

/* Numbers that were not written stay as they are. */
static int parse_vector(const struct sysctl_entry *entry, const char *current, struct input *in, GString *out)
{
        g_auto(GStrv) old = g_strsplit_set(current ? current : "", " \t\n", COUNT_MAX + 1);
        unsigned n_old = count_words(old), count = entry->count ? entry->count : MAX(n_old, 1);
        char numbers[COUNT_MAX][NUMBER_TEXT];
        int n = parse_numbers(entry, current, count, in, numbers);

        if (n < 0)
                return n;
        for (unsigned i = 0; i < count; i++) {
                const char *number = i < (unsigned)n ? numbers[i] : i < n_old ? old[i] : "0";
                g_string_append_printf(out, "%s%s", i > 0 ? "\t" : "", number);
        }
        return 0;
}

static bool is_word(const struct sysctl_entry *entry, const struct input *in)
{
        g_auto(GStrv) list = g_strsplit(entry->words, "|", -1);

        for (char **word = list; *word; word++) {
                size_t len = strlen(*word);
                if ((len + 1 == in->left || (entry->flags & SYSCTL_BEGIN && len <= in->left)) &&
                    strncmp(in->text, *word, len) == 0)
                        return true;
        }
        return false;
}

/* start: bytes of the present text that stay. */
static int parse_string(const struct sysctl_entry *entry, const char *current, size_t start, struct input *in,
                        GString *out)
{
        if (entry->words && (start > 0 || !is_word(entry, in)))
                return -EINVAL;
        g_string_append_len(out, current ? current : "", (gssize)start);
        for (size_t i = 0; i < in->left && start + i + 1 < entry->max; i++) {
                if (!in->text[i] || in->text[i] == '\n')
                        break;
                g_string_append_c(out, in->text[i]);
        }
        return 0;
}

/* One bit or several, "3" or "3-5", and the comma or newline behind them. */
static int parse_bits(const struct sysctl_entry *entry, struct input *in, unsigned char *bits)
{
        bool negative;
        uint64_t from, to;
        int r = parse_number(in, "-,\n", 3, &negative, &from);

        if (r < 0 || negative || from > entry->max)
                return -EINVAL;
        to = from;
        if (in->left > 0 && skip_char(in) == '-') {
                r = parse_number(in, ",\n", 3, &negative, &to);
                if (r < 0 || negative || to > entry->max || to < from)
                        return -EINVAL;
                if (in->left > 0)
                        skip_char(in);
        }
        memset(bits + from, 1, to - from + 1);
        return 0;
}

static void render_bits(const unsigned char *bits, size_t count, GString *out)
{
        const char *comma = "";

        for (size_t i = 0; i < count; i++) {
                size_t from = i;
                if (!bits[i])
                        continue;
                while (i + 1 < count && bits[i + 1])
                        i++;
                g_string_append_printf(out, "%s%zu", comma, from);
                if (i > from)
                        g_string_append_printf(out, "-%zu", i);
                comma = ",";
        }
}

/* current: bits that stay, or NULL. */
static int parse_bitmap(const struct sysctl_entry *entry, const char *current, struct input *in, GString *out)
{
        size_t count = entry->max + 1;
        g_autofree unsigned char *bits = g_malloc0(count);
        struct input old = {.text = current ? current : "", .left = current ? strlen(current) : 0};

        skip_newlines(&old);
        while (old.left > 0 && parse_bits(entry, &old, bits) == 0)
                skip_newlines(&old);
        for (skip_newlines(in); in->left > 0; skip_newlines(in))
                if (parse_bits(entry, in, bits) < 0)
                        return -EINVAL;
        render_bits(bits, count, out);
        return 0;
}

int sysctl_value_parse_at(const struct sysctl_entry *entry, const char *current, const char *text, size_t len,
                          off_t offset, bool *ret_ignored, size_t *ret_taken, GString *out)
{
        struct input in = {.text = text, .left = MIN(len, PAGE - 1)};
        size_t shown = current ? strcspn(current, "\n") : 0;
        int r;

        if (entry->type == SYSCTL_STRING && entry->max > 0)
                shown = MIN(shown, entry->max - 1);
        *ret_taken = len;
        *ret_ignored = len == 0 || (entry->type == SYSCTL_STRING   ? (uint64_t)offset > shown
                                    : entry->type != SYSCTL_BITMAP ? offset > 0
                                                                   : false);
        if (*ret_ignored)
                return entry->words ? -EINVAL : 0;
        if (entry->type == SYSCTL_STRING)
                return parse_string(entry, current, (size_t)offset, &in, out);
        if (entry->type == SYSCTL_BITMAP)
                return parse_bitmap(entry, offset > 0 ? current : NULL, &in, out);
        r = parse_vector(entry, current, &in, out);
        if (entry->flags & SYSCTL_LENIENT && in.left == MIN(len, PAGE - 1))
                return r; /* not one number: the handler drops the error and the count stays what it was */
        skip_spaces(&in);
        if (entry->type != SYSCTL_UINT) /* whose handler says that it took all */
                *ret_taken = len - in.left;
        return r;
}

int sysctl_value_parse(const struct sysctl_entry *entry, const char *current, const char *text, size_t len,
                       GString *out)
{
        size_t taken;
        bool ignored;

        return sysctl_value_parse_at(entry, current, text, len, 0, &ignored, &taken, out);
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
