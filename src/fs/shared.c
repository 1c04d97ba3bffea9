#include "fs/shared.h"

#include "base/err.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

_Static_assert(sizeof(struct shared_slot) % PAGE == 0, "slots are whole pages");
_Static_assert(SHARED_NAMES - 1 <= (1 << 20) - 1, "a name's index fits a node id");

/* Writes to each page without changing it: a slot may hold a request of the server before. */
static void touch_slots(struct shared *shared)
{
        volatile char *bytes = (volatile char *)shared->slots;

        for (size_t i = 0; i < sizeof(shared->slots); i += PAGE)
                bytes[i] = bytes[i];
}

int shared_map(int fd, struct shared **ret)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return err_negative();
        if (st.st_size != 0 && st.st_size != sizeof(struct shared))
                return -EPROTO;
        if (st.st_size == 0 && ftruncate(fd, sizeof(struct shared)) < 0)
                return err_negative();
        struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (shared == MAP_FAILED)
                return err_negative();
        if (shared->magic == 0) {
                shared->layout = SHARED_LAYOUT;
                shared->magic = SHARED_MAGIC;
        }
        if (shared->magic != SHARED_MAGIC || shared->layout != SHARED_LAYOUT) {
                shared_unmap(shared);
                return -EPROTO;
        }
        touch_slots(shared);
        *ret = shared;
        return 0;
}

void shared_unmap(struct shared *shared)
{
        if (shared)
                munmap(shared, sizeof(*shared));
}
