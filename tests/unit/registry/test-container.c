#include "base/fd.h"
#include "registry/container.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct host *open_host(void)
{
        autofd int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct host *host;

        cr_assert(host_new(root, &host) == 0);
        return host;
}

static pid_t start_child(void)
{
        pid_t pid = fork();

        if (pid == 0) {
                pause();
                _exit(0);
        }
        return pid;
}

static void end_child(pid_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

Test(container, lets_go_of_groups_when_idle_but_not_of_a_dead_ones)
{
        autoptr(host) host = open_host();
        struct container_init init;
        pid_t child = start_child();

        cr_assert(container_read_init(host, child, &init) == 0);
        autoptr(container) c = container_new(CONTAINER_REGISTERED, 1, "root", "id", NULL, &init, NULL);
        groups_unref(container_groups(c, host));
        cr_assert_not_null(c->groups);
        container_rest(c, host);
        cr_assert_not_null(c->groups, "just used");
        c->groups_ns = 0;
        container_rest(c, host);
        cr_assert_null(c->groups);
        groups_unref(container_groups(c, host));
        cr_assert_not_null(c->groups, "opened again");
        end_child(child);
        c->groups_ns = 0;
        container_rest(c, host);
        autoptr(groups) last = container_groups(c, host);
        cr_assert(last && !container_alive(c), "the last ones seen");
}

Test(container, reads_an_identity_of_a_living_process_only)
{
        autoptr(host) host = open_host();
        struct container_init init;
        pid_t child = start_child();

        cr_assert(container_read_init(host, child, &init) == 0);
        cr_assert(init.pid == child && init.uid == 0 && init.start_ns > 0 && init.user_ns != 0);
        close(init.pidfd);
        kill(child, SIGKILL);
        siginfo_t info;
        waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT); /* a zombie */
        cr_assert(container_read_init(host, child, &init) == -ESRCH);
        waitpid(child, NULL, 0);
        cr_assert(container_read_init(host, child, &init) == -ESRCH);
}
