#include "fs/shared.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

Test(shared, a_successor_finds_what_was_there)
{
        int fd = memfd_create("test", MFD_CLOEXEC);
        struct shared *first, *second;

        cr_assert(shared_map(fd, &first) == 0);
        first->slots[3].header.len = 40;
        cr_assert(shared_map(fd, &second) == 0);
        cr_assert(second->slots[3].header.len == 40);
        shared_unmap(first);
        shared_unmap(second);
        close(fd);
}

Test(shared, refuses_another_layout)
{
        int fd = memfd_create("test", MFD_CLOEXEC);
        struct shared *shared;

        cr_assert(shared_map(fd, &shared) == 0);
        shared->layout++;
        shared_unmap(shared);
        cr_assert(shared_map(fd, &shared) == -EPROTO);
        cr_assert(ftruncate(fd, 4096) == 0);
        cr_assert(shared_map(fd, &shared) == -EPROTO);
        close(fd);
}
