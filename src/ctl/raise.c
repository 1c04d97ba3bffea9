/* The end of a container that raised values of the host. */
#include "ctl/server.h"

#include "base/fd.h"
#include "base/log.h"
#include "view/sysctl/file.h"

struct release {
        struct ctl *ctl;
        struct sysctl_store *ended;
};

/* Another container that needs the value to be high, or NULL. */
static struct container *find_heir(const struct release *release, const char *name)
{
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, release->ctl->entries);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                struct container *container = ((struct ctl_entry *)value)->container;
                if (container->sysctls != release->ended &&
                    sysctl_store_find_raise(container->sysctls, name, NULL))
                        return container;
        }
        return NULL;
}

static void release_one(const char *name, const struct sysctl_raise *raise, void *data)
{
        const struct release *release = data;
        struct container *heir = find_heir(release, name);
        int r;

        if (!heir) {
                r = sysctl_file_restore(release->ctl->config.host, name, raise);
                if (r < 0)
                        log_errno(r, "sysctl %s of the host stays raised", name);
                return;
        }
        sysctl_store_note_raise(heir->sysctls, name, raise);
        r = ctl_save_container(release->ctl, heir);
        if (r < 0)
                log_errno(r, "the settings of container %s are not saved", heir->key);
}

void ctl_raise_release(struct ctl *ctl, struct sysctl_store *ended)
{
        struct release release = {ctl, ended};
        autofd int lock = sysctl_file_lock(ctl->config.host);

        if (lock < 0)
                log_errno(lock, "cannot hold off others from raising sysctls");
        sysctl_store_foreach_raise(ended, release_one, &release);
}
