#include "mnt/option.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

enum { WORD_BIND = 1 << 0, WORD_RECURSIVE = 1 << 1, WORD_IDMAP = 1 << 2 };

static const struct {
        const char *name;
        uint64_t set, clear;
        unsigned word;
} words[] = {
        {"defaults", 0, 0, 0},
        {"ro", MOUNT_ATTR_RDONLY, 0, 0},
        {"rw", 0, MOUNT_ATTR_RDONLY, 0},
        {"rro", MOUNT_ATTR_RDONLY, 0, WORD_RECURSIVE},
        {"nosuid", MOUNT_ATTR_NOSUID, 0, 0},
        {"suid", 0, MOUNT_ATTR_NOSUID, 0},
        {"nodev", MOUNT_ATTR_NODEV, 0, 0},
        {"dev", 0, MOUNT_ATTR_NODEV, 0},
        {"noexec", MOUNT_ATTR_NOEXEC, 0, 0},
        {"exec", 0, MOUNT_ATTR_NOEXEC, 0},
        {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0, 0},
        {"relatime", 0, MOUNT_ATTR__ATIME, 0},
        {"norelatime", 0, 0, 0},
        {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0},
        {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, 0},
        {"nodiratime", MOUNT_ATTR_NODIRATIME, 0, 0},
        {"bind", 0, 0, WORD_BIND},
        {"rbind", 0, 0, WORD_BIND | WORD_RECURSIVE},
        {"private", 0, 0, 0},
        {"rprivate", 0, 0, 0},
        {"slave", 0, 0, 0},
        {"rslave", 0, 0, 0},
        {"shared", 0, 0, 0},
        {"rshared", 0, 0, 0},
        {"unbindable", 0, 0, 0},
        {"runbindable", 0, 0, 0},
        {"idmap", 0, 0, WORD_IDMAP},
        {"ridmap", 0, 0, WORD_IDMAP},
};

static unsigned apply_word(const char *option, struct mount_options *options)
{
        for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
                if (!g_str_equal(words[i].name, option))
                        continue;
                options->attr = (options->attr & ~words[i].clear) | words[i].set;
                return words[i].word;
        }
        if (g_str_has_prefix(option, "idmap="))
                return WORD_IDMAP;
        g_ptr_array_add(options->data, g_strdup(option));
        return 0;
}

int mount_options_parse(const char *const *options, struct mount_options *ret)
{
        struct mount_options parsed = {.data = g_ptr_array_new_with_free_func(g_free)};
        unsigned seen = 0;

        for (; options && *options; options++)
                seen |= apply_word(*options, &parsed);
        if (seen & WORD_IDMAP) {
                mount_options_clear(&parsed);
                return -EINVAL;
        }
        parsed.bind = seen & WORD_BIND;
        parsed.recursive = seen & WORD_RECURSIVE;
        *ret = parsed;
        return 0;
}

void mount_options_clear(struct mount_options *options)
{
        g_clear_pointer(&options->data, g_ptr_array_unref);
}
