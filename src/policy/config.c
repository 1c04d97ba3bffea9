#include "policy/config.h"

#include <errno.h>

int config_read(const char *path, bool required, struct config **ret, GError **error)
{
        struct config *config = g_new0(struct config, 1);

        config->annotations = g_new0(char *, 1);
        config->warnings = g_ptr_array_new_with_free_func(g_free);
        *ret = config;
        return 0;
}

void config_free(struct config *config)
{
        if (!config)
                return;
        g_strfreev(config->annotations);
        g_ptr_array_unref(config->warnings);
        g_free(config);
}

int config_add_subids(struct config *config, const char *subuid, const char *subgid, const char *user,
                      GError **error)
{
        return 0;
}
