/* Owned pointers to our structs that free themselves, like g_autoptr() for GLib's types:
 * `autoptr(container) c = NULL;` declares a struct container * that is unreferenced at the end of its scope.
 */
#pragma once

/* In the header that owns struct NAME: free is its free or unref function, which accepts NULL. */
#define DEFINE_AUTOPTR(name, free)                                                                           \
        static inline void autoptr_clear_##name(struct name **p)                                             \
        {                                                                                                    \
                free(*p);                                                                                    \
        }

#define autoptr(name) __attribute__((cleanup(autoptr_clear_##name))) struct name *
