#include "view/groups.h"

#include "host/parse.h"

uint64_t view_min_limit(const struct groups *groups, enum controller controller, const char *file,
                        unsigned *ret_level)
{
        uint64_t least = UINT64_MAX;
        unsigned found = 0;

        for (unsigned level = 0; groups && level <= groups_depth(groups, controller); level++) {
                g_autoptr(GString) text = g_string_new(NULL);
                uint64_t limit;
                if (groups_read(groups, controller, level, file, text) < 0 ||
                    host_parse_limit(text->str, &limit) < 0 || limit > least)
                        continue;
                least = limit;
                found = level;
        }
        if (ret_level)
                *ret_level = found;
        return least;
}

uint64_t view_read_number(const struct groups *groups, enum controller controller, unsigned level,
                          const char *file)
{
        g_autoptr(GString) text = g_string_new(NULL);
        uint64_t number;

        if (groups_read(groups, controller, level, file, text) < 0 ||
            host_parse_limit(text->str, &number) < 0)
                return 0;
        return number;
}

static uint64_t read_host_bytes(const char *host_meminfo, const char *name)
{
        uint64_t kb = 0;

        return host_find_field(host_meminfo, name, &kb) && kb <= UINT64_MAX / 1024 ? kb * 1024 : 0;
}

/* Version 1 limits memory and swap together: what the one leaves above the other is swap. */
static void read_swap_v1(const struct groups *groups, uint64_t ram, uint64_t host_swap,
                         struct view_memory *ret)
{
        unsigned level;
        uint64_t both = view_min_limit(groups, CONTROLLER_MEMORY, "memory.memsw.limit_in_bytes", &level);
        uint64_t used_both, used_ram;

        ret->swap_total = both > ram ? both - ram : 0;
        ret->swap_limited = ret->swap_total < host_swap;
        if (!ret->swap_limited)
                return;
        used_both = view_read_number(groups, CONTROLLER_MEMORY, level, "memory.memsw.usage_in_bytes");
        used_ram = view_read_number(groups, CONTROLLER_MEMORY, level, "memory.usage_in_bytes");
        ret->swap_used = MIN(ret->swap_total, used_both > used_ram ? used_both - used_ram : 0);
}

static void read_swap_v2(const struct groups *groups, uint64_t host_swap, struct view_memory *ret)
{
        unsigned level;

        ret->swap_total = view_min_limit(groups, CONTROLLER_MEMORY, "memory.swap.max", &level);
        ret->swap_limited = ret->swap_total < host_swap;
        if (ret->swap_limited)
                ret->swap_used = MIN(ret->swap_total, view_read_number(groups, CONTROLLER_MEMORY, level,
                                                                       "memory.swap.current"));
}

void view_read_memory(const struct groups *groups, const char *host_meminfo, struct view_memory *ret)
{
        uint64_t host_total = read_host_bytes(host_meminfo, "MemTotal");
        uint64_t host_swap = read_host_bytes(host_meminfo, "SwapTotal");
        int version = groups ? groups_version(groups, CONTROLLER_MEMORY) : 0;
        bool v2 = version == 2;

        *ret = (struct view_memory){.version = version};
        if (version == 0)
                return;
        ret->total = view_min_limit(groups, CONTROLLER_MEMORY, v2 ? "memory.max" : "memory.limit_in_bytes",
                                    &ret->level);
        ret->limited = ret->total < host_total;
        if (ret->limited)
                ret->used = MIN(ret->total,
                                view_read_number(groups, CONTROLLER_MEMORY, ret->level,
                                                 v2 ? "memory.current" : "memory.usage_in_bytes"));
        if (v2)
                read_swap_v2(groups, host_swap, ret);
        else
                read_swap_v1(groups, MIN(ret->total, host_total), host_swap, ret);
}
