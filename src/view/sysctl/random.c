#include "view/sysctl/random.h"

#include <errno.h>
#include <sys/random.h>

enum { UUID_BYTES = 16 };

int sysctl_random_uuid(GString *out)
{
        unsigned char bytes[UUID_BYTES];

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                return -EIO;
        bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
        bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
        for (size_t i = 0; i < UUID_BYTES; i++)
                g_string_append_printf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                                       bytes[i]);
        return 0;
}

int sysctl_random_boot_id(struct sysctl_store *store, GString *out)
{
        g_autofree char *kept = sysctl_store_get(store, SYSCTL_BOOT_ID);
        g_autoptr(GString) made = g_string_new(NULL);

        if (!kept) {
                int r = sysctl_random_uuid(made);
                if (r < 0)
                        return r;
                sysctl_store_replace(store, SYSCTL_BOOT_ID, NULL, made->str, NULL, NULL);
                kept = sysctl_store_get(store, SYSCTL_BOOT_ID);
        }
        g_string_append(out, kept);
        return 0;
}
