/* The private sysctl values of one container: name -> text in the kernel's normal form, and which of the
 * host's values it raised. Locked inside; counted. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct sysctl_store;

struct sysctl_store *sysctl_store_new(void);
struct sysctl_store *sysctl_store_ref(struct sysctl_store *store);
void sysctl_store_unref(struct sysctl_store *store);

/* Names are below proc/sys with '/': "vm/overcommit_memory". The text is copied and has no trailing newline.
 */
void sysctl_store_set(struct sysctl_store *store, const char *name, const char *text);

/* Sets a name, and with it another one unless that is NULL, if the name still has the text `expected` (NULL:
 * was never set): for values that follow from the present one. Returns whether it did. */
bool sysctl_store_replace(struct sysctl_store *store, const char *name, const char *expected,
                          const char *text, const char *other, const char *other_text);

/* Returns a copy to free with g_free(), or NULL if this container never set the name. */
char *sysctl_store_get(struct sysctl_store *store, const char *name);

/* Calls fn for each name, in no order, with the lock held: fn must not call back into the store. */
void sysctl_store_foreach(struct sysctl_store *store,
                          void (*fn)(const char *name, const char *text, void *data), void *data);

/* A value of the host that this container needs to be high. */
struct sysctl_raise {
        uint64_t old; /* the host's value before any container that lives raised it */
        uint64_t now; /* the highest that any of them made it */
};

/* Takes note of a raise: of several for one name, the lowest old and the highest new value count. */
void sysctl_store_note_raise(struct sysctl_store *store, const char *name, const struct sysctl_raise *raise);

/* Whether there is one for this name; ret may be NULL. */
bool sysctl_store_find_raise(struct sysctl_store *store, const char *name, struct sysctl_raise *ret);

/* As sysctl_store_foreach(). */
void sysctl_store_foreach_raise(struct sysctl_store *store,
                                void (*fn)(const char *name, const struct sysctl_raise *raise, void *data),
                                void *data);

/* Counts the changes: there is something to save. */
unsigned sysctl_store_generation(struct sysctl_store *store);
