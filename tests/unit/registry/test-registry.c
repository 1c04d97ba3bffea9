#include "registry/registry.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A record whose init lives as long as the test, or is dead: a pipe's end stands for the pidfd. */
static struct container *make(struct registry *registry, const char *key, const char *id, ino_t user_ns,
                              bool alive)
{
        int fds[2];

        cr_assert(pipe2(fds, O_CLOEXEC) == 0);
        if (!alive) /* a pidfd becomes readable when its process ends; so does a pipe that was written to */
                cr_assert(write(fds[1], "x", 1) == 1);
        struct container_init init = {.pid = 1, .pidfd = fds[0], .user_ns = user_ns, .pid_ns = user_ns};
        struct container *c = container_new(CONTAINER_REGISTERED, registry_next_serial(registry), "root", id,
                                            NULL, &init, NULL);
        g_strlcpy(c->key, key, sizeof(c->key));
        return c;
}

Test(registry, finds_by_names_and_tells_of_ambiguous_ones)
{
        struct registry *registry = registry_new(NULL);
        autoptr(container) a = make(registry, "aaaa000000000001", "web-one", 11, true);
        autoptr(container) b = make(registry, "aaaa000000000002", "web-two", 12, true);
        gboolean ambiguous;

        cr_assert(registry_add(registry, a) == 0 && registry_add(registry, b) == 0);
        autoptr(container) by_key = registry_find_name(registry, "aaaa000000000002", &ambiguous);
        cr_assert(by_key == b && !ambiguous);
        autoptr(container) by_id = registry_find_name(registry, "web-one", &ambiguous);
        cr_assert(by_id == a && !ambiguous);
        autoptr(container) by_beginning = registry_find_name(registry, "web-t", &ambiguous);
        cr_assert(by_beginning == b && !ambiguous);
        cr_assert(!registry_find_name(registry, "web-", &ambiguous) && ambiguous);
        cr_assert(!registry_find_name(registry, "web", &ambiguous) && !ambiguous, "too short a beginning");
        autoptr(container) by_ns = registry_find_user_ns(registry, 12);
        cr_assert(by_ns == b);
        registry_free(registry);
}

Test(registry, a_living_container_keeps_its_key_a_dead_one_does_not)
{
        struct registry *registry = registry_new(NULL);
        autoptr(container) dead = make(registry, "k", "one", 11, false);
        autoptr(container) alive = make(registry, "k", "one", 12, true);
        autoptr(container) third = make(registry, "k", "one", 13, true);

        cr_assert(registry_add(registry, dead) == 0);
        cr_assert(registry_add(registry, alive) == 0);
        cr_assert(registry_add(registry, third) == -EEXIST);
        cr_assert(!registry_find_user_ns(registry, 11), "the dead one's index is gone");
        cr_assert(registry_remove(registry, dead) == -ENOENT);
        cr_assert(registry_remove(registry, alive) == 0);
        cr_assert(!registry_find_serial(registry, alive->serial));
        registry_free(registry);
}

Test(registry, a_flood_of_spot_views_leaves_the_serials_of_containers_alone)
{
        struct registry_serials serials = {.spot = (1 << 23) - 1};
        struct registry *registry = registry_new(&serials);

        cr_assert(registry_next_spot_serial(registry) == (1 << 24) - 1);
        cr_assert(registry_next_spot_serial(registry) == 0, "used up");
        cr_assert(registry_next_serial(registry) == 1);
        registry_free(registry);
        cr_assert(serials.registered == 1, "they outlive the registry");
}

Test(registry, spot_views_go_with_their_init_and_are_bounded)
{
        struct registry *registry = registry_new(NULL);

        for (unsigned i = 0; i < 2000; i++) {
                autoptr(container) spot = make(registry, "", "", 1000 + i, i % 2 == 0);
                autoptr(container) there = registry_add_spot(registry, spot);
                cr_assert(there == spot);
        }
        unsigned kept = 0;
        for (unsigned i = 0; i < 2000; i++) {
                autoptr(container) spot = registry_find_spot(registry, 1000 + i, 1000 + i, NULL);
                cr_assert(!spot || i % 2 == 0, "a dead one is not found");
                kept += spot != NULL;
        }
        cr_assert(kept > 0 && kept <= 256);
        registry_free(registry);
}
