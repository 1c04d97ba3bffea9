/* Work done inside another process's namespaces. */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Runs fn(data) in the calling thread, which joins the network, UTS and IPC namespaces of process (or thread)
 * pid and comes back, and returns what fn returned, or -errno if a namespace could not be had (-ESRCH: pid is
 * gone). No process or thread is made. The mount, PID and user namespaces stay the server's: fn must check
 * rights itself. It may change the thread's effective user id (by the system call), which is put back. */
int ns_run(pid_t pid, int (*fn)(void *data), void *data);

/* Runs fn(data, out) in a forked child that has joined the user namespace of pid (threads cannot), appends
 * what it writes to the file descriptor out to ret (at most 64 KiB) and returns what it returned, -254..0, or
 * -errno. fn runs between fork and exit: system calls only, no allocation. */
int ns_run_in_user(int proc_fd, pid_t pid, int (*fn)(void *data, int out), void *data, GString *ret);

/* The same in the PID namespace of pid; the user namespace stays the server's. */
int ns_run_in_pid(int proc_fd, pid_t pid, int (*fn)(void *data, int out), void *data, GString *ret);

/* Inode number of proc/<pid>/ns/<name> below the proc directory fd. Returns 0 or -errno. */
int ns_inode(int proc_fd, pid_t pid, const char *name, ino_t *ret);

/* Host PID of process 1 of the PID namespace that pid is in: by ioctl NS_GET_PID_FROM_PIDNS (Linux 6.11),
 * else by the NSpid lines of /proc. Returns the PID (> 0) or -errno (-ESRCH: init is dead). */
pid_t ns_init_pid(int proc_fd, pid_t pid);

/* Whether the user namespace of inode `ancestor` is that of pid or one above it, by NS_GET_PARENT.
 * Returns 1, 0 or -errno. */
int ns_user_below(int proc_fd, pid_t pid, ino_t ancestor);

/* Walks from pid's user namespace upwards and calls match(inode, data) for each, own one first, until it
 * returns true. Returns 1 if it did, 0 if the initial (or the server's own) one was passed without a match,
 * or -errno. */
int ns_user_walk(int proc_fd, pid_t pid, int (*match)(ino_t user_ns, void *data), void *data);
