#include "ctl/server.h"

#include "base/err.h"
#include "base/fd.h"
#include "host/ns.h"

#include <sys/pidfd.h>
#include <sys/socket.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/* A pidfd of the process that connected: the kernel's own where it keeps one, else by number. */
static int open_peer(int fd, pid_t pid)
{
        int pidfd;
        socklen_t len = sizeof(pidfd);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
                return pidfd;
        pidfd = pidfd_open(pid, 0);
        return pidfd < 0 ? err_negative() : pidfd;
}

/* The namespaces are read by number between two proofs that the number is that process's: the pidfd was made
 * before, and its process is alive after. */
int ctl_check_peer(struct ctl *ctl, int fd)
{
        int proc = host_proc_fd(ctl->config.host);
        struct ucred peer;
        socklen_t len = sizeof(peer);
        ino_t user_ns = 0, pid_ns = 0;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
                return err_negative();
        if (peer.uid != 0 || peer.pid <= 0)
                return -EACCES;
        autofd int pidfd = open_peer(fd, peer.pid);
        if (pidfd < 0)
                return pidfd;
        int r = ns_inode(proc, peer.pid, "user", &user_ns);
        if (r == 0)
                r = ns_inode(proc, peer.pid, "pid", &pid_ns);
        if (r < 0)
                return r;
        if (!ctl_pidfd_alive(pidfd))
                return -ESRCH;
        return user_ns == ctl->user_ns && pid_ns == ctl->pid_ns ? 0 : -EACCES;
}
