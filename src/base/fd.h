/* File descriptors that close themselves. */
#pragma once

#include <unistd.h>

static inline void fd_close_auto(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

/* Declares an int that is closed at the end of its scope: `autofd int fd = -1;` */
#define autofd __attribute__((cleanup(fd_close_auto)))

/* Takes the descriptor out of an autofd variable, which then closes nothing. */
static inline int fd_steal(int *fd)
{
        int taken = *fd;

        *fd = -1;
        return taken;
}

/* Closes what the variable holds, if anything, and empties it. */
static inline void fd_clear(int *fd)
{
        fd_close_auto(fd);
        *fd = -1;
}
