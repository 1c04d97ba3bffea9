#include "fs/handles.h"
#include "fs/nodeid.h"
#include "shared-fixture.h"

#include <errno.h>

static const uint64_t resent = UINT64_C(1) << 63;

static uint64_t node_of(uint32_t serial)
{
        return nodeid_make((struct node){NODE_ROW, serial, 1});
}

static uint64_t open_one(struct handles *h, uint64_t node, uint64_t unique)
{
        uint64_t handle;
        bool again;

        cr_assert(handles_open(h, node, unique, 1, &handle, &again) == 0 && !again);
        return handle;
}

static void set(struct handles *h, uint64_t handle, const char *text)
{
        g_autoptr(GString) s = g_string_new(text);

        cr_assert(handles_set_text(h, handle, s, 1000));
}

Test(handles, reads_the_text_to_its_exact_end)
{
        struct shared *shared = shared_fixture();
        struct handles *h = handles_new(shared);
        uint64_t handle = open_one(h, node_of(1), 2);
        char buffer[16];

        set(h, handle, "0123456789");
        cr_assert(handles_read(h, handle, 1, 4, buffer, 16, 1000) == 6 && memcmp(buffer, "456789", 6) == 0);
        cr_assert(handles_read(h, handle, 1, 9, buffer, 1, 1000) == 1 && buffer[0] == '9');
        cr_assert(handles_read(h, handle, 1, 10, buffer, 16, 1000) == 0);
        cr_assert(handles_read(h, handle, 1, UINT64_MAX, buffer, 16, 1000) == 0);
        cr_assert(handles_read(h, handle, 1, 0, buffer, 16, 1000) == -ENODATA,
                  "offset 0 asks for a fresh one");
        handles_free(h);
        shared_unmap(shared);
}

Test(handles, a_text_serves_offset_0_while_it_is_fresh)
{
        const uint64_t start = 1000, until = start + UINT64_C(50000000);
        struct shared *shared = shared_fixture();
        struct handles *h = handles_new(shared);
        uint64_t handle = open_one(h, node_of(1), 2);
        g_autoptr(GString) text = g_string_new("x");
        char buffer[4];

        cr_assert(handles_set_text(h, handle, text, until));
        cr_assert(handles_read(h, handle, 1, 0, buffer, 4, until) == -ENODATA, "too old");
        cr_assert(handles_read(h, handle, 1, 0, buffer, 4, start) == 1);
        cr_assert(handles_read(h, handle, 1, 0, buffer, 4, start + HANDLES_SEEN_NS) == -ENODATA, "seen");
        cr_assert(handles_text_length(h, node_of(1), 1, until) == 1, "a length told is a text promised");
        cr_assert(handles_read(h, handle, 1, 0, buffer, 4, start + HANDLES_SEEN_NS) == 1);
        handles_outdate(h, node_of(1));
        cr_assert(handles_read(h, handle, 1, 0, buffer, 4, 1) == -ENODATA);
        cr_assert(handles_read(h, handle, 1, 1, buffer, 4, 1) == 0, "to its end all the same");
        handles_free(h);
        shared_unmap(shared);
}

Test(handles, a_closed_handle_means_nothing)
{
        struct shared *shared = shared_fixture();
        struct handles *h = handles_new(shared);
        uint64_t first = open_one(h, node_of(1), 2);
        char buffer[4];

        set(h, first, "old");
        handles_close(h, first);
        uint64_t second = open_one(h, node_of(1), 4);
        cr_assert(second != first && (uint32_t)second == (uint32_t)first);
        cr_assert(handles_read(h, first, 1, 1, buffer, 4, 1000) == -ENODATA);
        handles_close(h, first);
        cr_assert(handles_count(h) == 1);
        cr_assert(handles_text_length(h, node_of(1), 1, 0) == -1);
        handles_free(h);
        shared_unmap(shared);
}

Test(handles, a_successor_reads_on)
{
        struct shared *shared = shared_fixture();
        struct handles *h = handles_new(shared);
        uint64_t a = open_one(h, node_of(1), 2), b = open_one(h, node_of(1), 4), found;
        char buffer[8];
        bool again;

        set(h, a, "aaaa");
        set(h, b, "bbbbbb");
        handles_free(h);
        h = handles_new(shared);
        cr_assert(handles_count(h) == 2);
        uint64_t c = open_one(h, node_of(2), 6);
        set(h, c, "cc");
        cr_assert(handles_read(h, a, 1, 1, buffer, 8, 0) == 3 && memcmp(buffer, "aaa", 3) == 0);
        cr_assert(handles_read(h, b, 1, 5, buffer, 8, 0) == 1 && buffer[0] == 'b');
        cr_assert(handles_open(h, node_of(1), 4 | resent, 1, &found, &again) == 0 && again && found == b);
        cr_assert(handles_open(h, node_of(1), 8 | resent, 1, &found, &again) == 0 && !again);
        handles_free(h);
        shared_unmap(shared);
}

Test(handles, the_length_is_of_the_askers_own_text)
{
        struct shared *shared = shared_fixture();
        struct handles *h = handles_new(shared);
        uint64_t node = node_of(3), a, b;
        bool again;
        char c;

        cr_assert(handles_open(h, node, 2, 100, &a, &again) == 0 &&
                  handles_open(h, node, 4, 200, &b, &again) == 0);
        set(h, a, "1");
        set(h, b, "22");
        cr_assert(handles_text_length(h, node, 100, 0) == 1 && handles_text_length(h, node, 200, 0) == 2);
        cr_assert(handles_read(h, a, 300, 1, &c, 1, 0) == 0);
        cr_assert(handles_text_length(h, node, 300, 0) == 1);
        handles_close(h, b);
        cr_assert(handles_text_length(h, node, 200, 0) == 1);
        handles_free(h);
        shared_unmap(shared);
}

Test(handles, one_container_cannot_take_all_room)
{
        struct shared *shared = shared_fixture();
        struct handles *h = handles_new(shared);
        g_autoptr(GString) text = g_string_new(NULL);
        uint64_t handle;
        unsigned kept = 0;
        bool again;
        int r = 0;

        g_string_set_size(text, SHARED_BLOCK_SIZE);
        memset(text->str, 'x', text->len);
        for (unsigned i = 0; i < SHARED_HANDLES && r == 0; i++) {
                r = handles_open(h, node_of(1), 2 * i + 2, 1, &handle, &again);
                if (r == 0 && handles_set_text(h, handle, text, 1))
                        kept++;
        }
        cr_assert(r == -EMFILE, "%d", r);
        cr_assert(kept < SHARED_BLOCKS / 2);
        handle = open_one(h, node_of(2), 1);
        cr_assert(handles_set_text(h, handle, text, 1));
        handles_free(h);
        shared_unmap(shared);
}
