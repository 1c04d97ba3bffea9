#include "registry/ids.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static struct ids *new_ids(void)
{
        static const struct ids_range ranges[] = {{100000, 4 * 65536 + 100}, {1000000, 65536}};
        struct ids *ids = NULL;

        cr_assert(ids_new(ranges, 2, &ids) == 0);
        return ids;
}

static uint32_t lease(struct ids *ids, const char *key)
{
        struct ids_lease *got = NULL;

        return ids_lease(ids, key, 65536, &got) == 0 ? got->start : 0;
}

Test(ids, lowest_first)
{
        autoptr(ids) ids = new_ids();

        cr_assert(lease(ids, "a") == 100000);
        cr_assert(lease(ids, "b") == 165536);
        cr_assert(lease(ids, "c") == 231072);
        ids_release(ids, ids_find(ids, "b"));
        cr_assert(ids_find(ids, "b") == NULL);
        cr_assert(lease(ids, "d") == 165536, "the hole is filled");
        cr_assert(lease(ids, "e") == 296608);
        cr_assert(lease(ids, "f") == 1000000, "the rest of the first range is too small");
        cr_assert(lease(ids, "g") == 0);
        cr_assert(ids_count(ids) == 5);
}

Test(ids, one_per_key)
{
        autoptr(ids) ids = new_ids();
        struct ids_lease *first, *second = NULL;

        cr_assert(ids_lease(ids, "a", 65536, &first) == 0);
        cr_assert(ids_lease(ids, "a", 65536, &second) == -EEXIST && second == first);
        ids_detach(ids, first);
        cr_assert(ids_find(ids, "a") == NULL && ids_find(ids, "") == NULL);
        cr_assert(ids_lease(ids, "a", 65536, &second) == 0 && second->start == 165536,
                  "the old range stays taken");
}

Test(ids, sizes)
{
        autoptr(ids) ids = new_ids();
        struct ids_lease *got;

        cr_assert(ids_lease(ids, "a", 0, &got) == -EINVAL);
        cr_assert(ids_lease(ids, "a", 4 * 65536 + 101, &got) == -ENOSPC);
        cr_assert(ids_lease(ids, "a", UINT32_MAX, &got) == -ENOSPC);
        cr_assert(ids_lease(ids, "a", 100, &got) == 0 && got->start == 100000);
        cr_assert(ids_lease(ids, "b", 65536, &got) == 0 && got->start == 165536,
                  "blocks count from the range's start");
}

Test(ids, senseless_ranges)
{
        static const struct ids_range bad[][2] = {
                {{100000, 0}, {1, 1}},     {{100000, 65536}, {165535, 1}}, {{100000, 65536}, {1, 100000}},
                {{UINT32_MAX, 1}, {1, 1}}, {{2, UINT32_MAX}, {1, 1}},
        };
        struct ids *ids = NULL;

        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                cr_assert(ids_new(bad[i], 2, &ids) == -EINVAL, "%zu", i);
        cr_assert(ids_new(NULL, 0, &ids) == 0);
        cr_assert(lease(ids, "a") == 0, "no ids are no error, but none can be had");
        ids_free(ids);
}

Test(ids, restore)
{
        autoptr(ids) ids = new_ids();
        struct ids_lease *got;

        cr_assert(ids_restore(ids, "a", 165536, 65536, &got) == 0);
        cr_assert(ids_restore(ids, "a", 500000, 65536, &got) == -EEXIST);
        cr_assert(ids_restore(ids, "b", 231071, 1, &got) == -EADDRINUSE);
        cr_assert(ids_restore(ids, "b", 100000, 65537, &got) == -EADDRINUSE);
        cr_assert(ids_restore(ids, "b", 5000000, 65536, &got) == 0, "no longer configured");
        cr_assert(ids_restore(ids, "c", UINT32_MAX, 2, &got) == -EINVAL);
        cr_assert(lease(ids, "d") == 100000);
        cr_assert(lease(ids, "e") == 231072);
}

struct dead {
        struct ids *ids;
        unsigned n_dropped;
};

static gboolean holder_even(const struct ids_lease *lease, void *data)
{
        return lease->holder % 2 == 0;
}

static void count_dropped(struct ids_lease *lease, void *data)
{
        ((struct dead *)data)->n_dropped++;
}

Test(ids, sweep)
{
        autoptr(ids) ids = new_ids();
        struct dead dead = {ids, 0};
        struct ids_lease *got;

        for (int i = 0; i < 5; i++) {
                char key[8];
                snprintf(key, sizeof(key), "%d", i);
                cr_assert(ids_lease(ids, key, 65536, &got) == 0);
                got->holder = i;
        }
        cr_assert(ids_sweep(ids, holder_even, count_dropped, &dead) == 2);
        cr_assert(dead.n_dropped == 2 && ids_count(ids) == 3);
        cr_assert(ids_find(ids, "0") && !ids_find(ids, "1") && ids_find(ids, "2") && !ids_find(ids, "3"));
}

static void check_disjoint(struct ids_lease *lease, void *data)
{
        uint64_t *end = data;

        cr_assert(lease->start >= *end, "%u overlaps", lease->start);
        *end = (uint64_t)lease->start + lease->size;
}

/* Thousands of leases of many sizes come and go: none ever overlaps another. */
Test(ids, churn)
{
        static const struct ids_range ranges[] = {{100000, 50 * 65536}, {10000000, 7777777}};
        g_autoptr(GRand) rand = g_rand_new_with_seed(7);
        struct ids *ids = NULL;
        struct ids_lease *got;

        cr_assert(ids_new(ranges, 2, &ids) == 0);
        for (int i = 0; i < 20000; i++) {
                char key[17];
                uint64_t end = 0;
                snprintf(key, sizeof(key), "%d", g_rand_int_range(rand, 0, 200));
                if (ids_find(ids, key))
                        ids_release(ids, ids_find(ids, key));
                else
                        (void)ids_lease(ids, key, 1u << g_rand_int_range(rand, 0, 20), &got);
                if (i % 50 == 0)
                        ids_foreach(ids, check_disjoint, &end);
        }
        ids_free(ids);
}
