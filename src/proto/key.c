#include "proto/key.h"

#include <glib.h>
#include <string.h>

void key_make(const char *root, const char *id, char ret[KEY_SIZE])
{
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

        g_checksum_update(sum, (const guchar *)root, (gssize)strlen(root) + 1);
        g_checksum_update(sum, (const guchar *)id, (gssize)strlen(id));
        g_strlcpy(ret, g_checksum_get_string(sum), KEY_SIZE);
}
