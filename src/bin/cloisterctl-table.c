#include "bin/cloisterctl.h"

#include <glib.h>

struct table {
        size_t n_columns;
        GPtrArray *cells; /* row by row, headings first */
};

char *table_escape(const char *text)
{
        g_autofree char *valid = g_utf8_make_valid(text, -1);
        GString *out = g_string_new(NULL);

        for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
                gunichar c = g_utf8_get_char(p);
                if (g_unichar_isprint(c))
                        g_string_append_unichar(out, c);
                else
                        g_string_append_printf(out, c < 0x80 ? "\\x%02x" : "\\u%04x", c);
        }
        return g_string_free(out, FALSE);
}

struct table *table_new(const char *const *headings)
{
        struct table *table = g_new0(struct table, 1);

        table->cells = g_ptr_array_new_with_free_func(g_free);
        for (; headings[table->n_columns]; table->n_columns++)
                table_add(table, headings[table->n_columns]);
        return table;
}

void table_free(struct table *table)
{
        g_ptr_array_unref(table->cells);
        g_free(table);
}

void table_add(struct table *table, const char *text)
{
        g_ptr_array_add(table->cells, table_escape(text));
}

void table_add_int(struct table *table, int64_t n)
{
        g_ptr_array_add(table->cells, g_strdup_printf("%" G_GINT64_FORMAT, n));
}

static long column_width(const struct table *table, size_t column)
{
        long width = 0;

        for (size_t i = column; i < table->cells->len; i += table->n_columns)
                width = MAX(width, g_utf8_strlen(g_ptr_array_index(table->cells, i), -1));
        return width;
}

void table_print(const struct table *table, FILE *out)
{
        g_autofree long *widths = g_new(long, table->n_columns);

        for (size_t i = 0; i < table->n_columns; i++)
                widths[i] = column_width(table, i);
        for (size_t i = 0; i < table->cells->len; i++) {
                const char *cell = g_ptr_array_index(table->cells, i);
                size_t column = i % table->n_columns;
                long pad = widths[column] - g_utf8_strlen(cell, -1);
                if (column + 1 == table->n_columns)
                        fprintf(out, "%s\n", cell);
                else
                        fprintf(out, "%s%*s", cell, (int)pad + 2, "");
        }
}

void print_json(json_object *object)
{
        puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                            JSON_C_TO_STRING_NOSLASHESCAPE));
}
