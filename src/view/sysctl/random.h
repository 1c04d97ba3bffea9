/* The sysctls of kernel/random that no two containers share. */
#pragma once

#include "registry/sysctl-store.h"

#define SYSCTL_BOOT_ID "kernel/random/boot_id"
#define SYSCTL_UUID "kernel/random/uuid"

/* Appends a new random UUID (version 4), without a newline. Returns 0 or -EIO. */
int sysctl_random_uuid(GString *out);

/* Appends the boot_id of the container with this store, where it is kept: made when first asked for, the same
 * ever after. Returns 0 or -EIO. */
int sysctl_random_boot_id(struct sysctl_store *store, GString *out);
