/* A memory file as the keeper makes it, for tests of what lives in it. */
#pragma once

#include "fs/shared.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <unistd.h>

static inline struct shared *shared_fixture(void)
{
        int fd = memfd_create("test", MFD_CLOEXEC);
        struct shared *shared;

        cr_assert(fd >= 0 && shared_map(fd, &shared) == 0);
        close(fd);
        return shared;
}
