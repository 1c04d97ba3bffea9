/* Fairness: /dev/fuse is one queue for all containers, so one that asks slow questions could keep every
 * thread busy. At most `limit` requests of a container are served at a time; further ones wait here, copied
 * out of their slots. */
#pragma once

#include "fs/shared.h"

#include <glib.h>

struct turns;

enum { TURNS_PARKED_PER_CONTAINER = 1024 };

/* shared is borrowed. */
struct turns *turns_new(struct shared *shared, unsigned limit);
void turns_free(struct turns *turns);

/* Asks to serve a request of a container. Returns 1: go on, and call turns_end() after; 0: it is parked
 * (copied), take the next one; -EIO: too many are waiting, refuse it. Any thread. */
int turns_begin(struct turns *turns, uint32_t serial, const struct fuse_in_header *request);

/* One request is served. Returns one that waited, to be served now in its turn, or NULL; done: the parked one
 * that was just served (as returned by the last call), or NULL if it was not a parked one. Any thread. */
struct fuse_in_header *turns_end(struct turns *turns, uint32_t serial, struct fuse_in_header *done);
