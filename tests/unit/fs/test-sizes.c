#include "fs/sizes.h"

#include <criterion/criterion.h>

Test(sizes, tells_when_the_kernel_must_learn_of_a_longer_text)
{
        struct sizes *sizes = sizes_new();

        cr_assert(sizes_length(sizes, 5) == -1);
        cr_assert(sizes_rendered(sizes, 5, 10), "never announced");
        sizes_announced(sizes, 5, 10);
        cr_assert(!sizes_rendered(sizes, 5, 10) && !sizes_rendered(sizes, 5, 9));
        cr_assert(sizes_rendered(sizes, 5, 11) && sizes_length(sizes, 5) == 11);
        sizes_announced(sizes, 5, 0);
        cr_assert(sizes_rendered(sizes, 5, 1));
        for (uint64_t node = 100; node < 200000; node++)
                sizes_announced(sizes, node, 1);
        cr_assert(sizes_rendered(sizes, 5, 1), "forgotten is told again");
        sizes_free(sizes);
}
