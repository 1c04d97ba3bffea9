#include "mnt/error.h"

int mnt_fail(GError **error, int r, const char *format, ...)
{
        va_list ap;

        g_assert(r < 0);
        va_start(ap, format);
        g_autofree char *text = g_strdup_vprintf(format, ap);
        va_end(ap);
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(-r), "%s: %s", text, g_strerror(-r));
        return r;
}
