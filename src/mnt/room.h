/* A private place to build mount trees in, and to have the kernel lock them. The room is a mount namespace of
 * the calling process's own user namespace; its annex is a second one, owned by a user namespace below. A
 * tree that is moved where it propagates into the annex arrives there with every mount but its root locked,
 * and a copy taken there keeps the locks wherever it is attached: no mount call of a container's root takes a
 * mount off the tree, changes its flags or looks beneath it. Used by mnt/tree.c in a helper process with a
 * single thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct room {
        int self;  /* the mount namespaces */
        int annex; /* -1: nothing is locked */
        int priv;  /* the folder to build in: its entries become trees */
};

/* Moves the calling process into a new room for good: its root and working directory are the room, and the
 * host's files are out of sight (what is needed of them is opened before). The entries proc and sys exist in
 * priv. */
int room_enter(bool locked, struct room *ret, GError **error);

/* Takes the tree at priv/<name> out as a detached mount, locked if the room locks. Returns a descriptor or
 * -errno. */
int room_take(const struct room *room, const char *name, GError **error);
void room_clear(struct room *room);
