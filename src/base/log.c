#include "base/log.h"

#include "base/err.h"

#include <string.h>
#include <unistd.h>

static enum log_level max_level = LOG_LEVEL_INFO;

int log_set_level(const char *name)
{
        static const struct {
                const char *name;
                enum log_level level;
        } levels[] = {
                {"error", LOG_LEVEL_ERROR},
                {"warning", LOG_LEVEL_WARNING},
                {"info", LOG_LEVEL_INFO},
                {"debug", LOG_LEVEL_DEBUG},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(levels); i++)
                if (g_str_equal(levels[i].name, name)) {
                        max_level = levels[i].level;
                        return 0;
                }
        return -EINVAL;
}

static void log_line(enum log_level level, const char *text)
{
        g_autofree char *line = isatty(STDERR_FILENO) ? g_strdup_printf("%s\n", text)
                                                      : g_strdup_printf("<%d>%s\n", level, text);

        if (write(STDERR_FILENO, line, strlen(line)) < 0)
                return; /* nowhere left to say it */
}

void log_message(enum log_level level, const char *format, ...)
{
        va_list ap;

        if (level > max_level)
                return;
        va_start(ap, format);
        g_autofree char *text = g_strdup_vprintf(format, ap);
        va_end(ap);
        log_line(level, text);
}

int log_errno(int r, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        g_autofree char *text = g_strdup_vprintf(format, ap);
        va_end(ap);
        log_message(LOG_LEVEL_ERROR, "%s: %s", text, g_strerror(-r));
        return r;
}
