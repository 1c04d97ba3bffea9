#include "fs/turns.h"
#include "shared-fixture.h"

#include <errno.h>
#include <string.h>

static struct fuse_in_header request(uint64_t unique)
{
        return (struct fuse_in_header){.len = sizeof(struct fuse_in_header), .unique = unique};
}

Test(turns, further_requests_wait_in_order)
{
        struct shared *shared = shared_fixture();
        struct turns *turns = turns_new(shared, 1);
        struct fuse_in_header one = request(1), two = request(2), three = request(3), other = request(4);

        cr_assert(turns_begin(turns, 7, &one) == 1);
        cr_assert(turns_begin(turns, 7, &two) == 0);
        cr_assert(turns_begin(turns, 7, &three) == 0);
        cr_assert(turns_begin(turns, 8, &other) == 1, "another container is served meanwhile");
        struct fuse_in_header *next = turns_end(turns, 7, NULL);
        cr_assert(next && next->unique == 2);
        next = turns_end(turns, 7, next);
        cr_assert(next && next->unique == 3);
        cr_assert_null(turns_end(turns, 7, next));
        cr_assert(turns_begin(turns, 7, &one) == 1);
        turns_free(turns);
        shared_unmap(shared);
}

Test(turns, waiting_is_bounded_for_each)
{
        struct shared *shared = shared_fixture();
        struct turns *turns = turns_new(shared, 1);
        struct fuse_in_header one = request(1);
        struct fuse_in_header *next = NULL;

        cr_assert(turns_begin(turns, 7, &one) == 1);
        for (unsigned i = 0; i < TURNS_PARKED_PER_CONTAINER; i++)
                cr_assert(turns_begin(turns, 7, &one) == 0);
        cr_assert(turns_begin(turns, 7, &one) == -EIO);
        cr_assert(turns_begin(turns, 8, &one) == 1 && turns_begin(turns, 8, &one) == 0);
        for (unsigned i = 0; i < TURNS_PARKED_PER_CONTAINER; i++)
                cr_assert_not_null(next = turns_end(turns, 7, next));
        cr_assert_null(turns_end(turns, 7, next));
        turns_free(turns);
        shared_unmap(shared);
}

Test(turns, a_parked_request_is_in_the_journal)
{
        struct shared *shared = shared_fixture();
        struct turns *turns = turns_new(shared, 1);
        struct fuse_in_header one = request(1), two = request(2);

        cr_assert(turns_begin(turns, 7, &one) == 1 && turns_begin(turns, 7, &two) == 0);
        cr_assert(shared->parked_high == 1 && shared->parked[0].header.len == two.len);
        cr_assert(shared->parked[0].header.unique == 2);
        struct fuse_in_header *next = turns_end(turns, 7, NULL);
        turns_end(turns, 7, next);
        cr_assert(shared->parked[0].header.len == 0);
        turns_free(turns);
        shared_unmap(shared);
}
