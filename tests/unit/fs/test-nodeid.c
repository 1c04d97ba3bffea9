#include "fs/nodeid.h"

#include <criterion/criterion.h>

static void check(struct node node)
{
        struct node again = nodeid_parse(nodeid_make(node));

        cr_assert(again.kind == node.kind && again.serial == node.serial && again.number == node.number);
}

Test(nodeid, round_trips)
{
        check((struct node){NODE_ROW, 0, 0});
        check((struct node){NODE_ROW, (1 << 24) - 1, NODE_NUMBER_MAX});
        check((struct node){NODE_NAME, 1, 2});
        check((struct node){NODE_CONTAINERS, 0, 0});
        check((struct node){NODE_CONTAINER, 77, 0});
}

Test(nodeid, root_is_one)
{
        cr_assert(nodeid_make((struct node){.kind = NODE_ROOT}) == 1);
        cr_assert(nodeid_parse(1).kind == NODE_ROOT && nodeid_parse(1).serial == 0);
}
