/* The one thread that sends notifications to the kernel. A notification about an inode can wait, unkillable,
 * for a READ of that inode to be answered; a thread that answers requests must therefore never send one
 * itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fuse_session;
struct notifier;

/* session is borrowed. */
struct notifier *notifier_new(struct fuse_session *session);
void notifier_free(struct notifier *notifier);

/* Makes the kernel believe that the file is at least `size` bytes long. wait: until it is done, at most 20 ms
 * (a reader through the page cache may then stop short, but nobody is blocked); never while serving a READ,
 * which it would wait for. No lock may be held. */
void notifier_grow(struct notifier *notifier, uint64_t node, uint64_t size, bool wait);
