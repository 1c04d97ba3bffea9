#include "ctl/ctl.h"

struct ctl {
        struct ctl_config config;
};

int ctl_new(const struct ctl_config *config, struct ctl **ret)
{
        struct ctl *ctl = g_new0(struct ctl, 1);

        ctl->config = *config;
        *ret = ctl;
        return 0;
}

void ctl_free(struct ctl *ctl)
{
        g_free(ctl);
}

int ctl_save_container(struct ctl *ctl, struct container *container)
{
        return 0;
}

void ctl_container_changed(struct ctl *ctl, struct container *container)
{
}
