/* The private sysctl values of one container: name -> text in the kernel's normal form. Locked inside;
 * counted. */
#pragma once

#include <glib.h>

struct sysctl_store;

struct sysctl_store *sysctl_store_new(void);
struct sysctl_store *sysctl_store_ref(struct sysctl_store *store);
void sysctl_store_unref(struct sysctl_store *store);

/* Names are below proc/sys with '/': "vm/overcommit_memory". The text is copied and has no trailing newline.
 */
void sysctl_store_set(struct sysctl_store *store, const char *name, const char *text);

/* Returns a copy to free with g_free(), or NULL if this container never set the name. */
char *sysctl_store_get(struct sysctl_store *store, const char *name);

/* Calls fn for each name, in no order, with the lock held: fn must not call back into the store. */
void sysctl_store_foreach(struct sysctl_store *store,
                          void (*fn)(const char *name, const char *text, void *data), void *data);

/* Counts the sets: a change means there is something to save. */
unsigned sysctl_store_generation(struct sysctl_store *store);
