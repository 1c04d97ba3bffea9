#include "bin/cloister-runc.h"

#include "base/err.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void passed_signals(sigset_t *ret)
{
        static const int signals[] = {SIGHUP,  SIGINT,   SIGQUIT, SIGTERM, SIGUSR1,
                                      SIGUSR2, SIGWINCH, SIGCONT, SIGALRM, SIGCHLD};

        sigemptyset(ret);
        for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
                sigaddset(ret, signals[i]);
}

int runtime_exec(const GPtrArray *argv)
{
        execv(argv->pdata[0], (char **)argv->pdata);
        return err_negative();
}

/* Sockets that were passed are for the process that reads them: now the runtime. */
static void adopt_passed_sockets(pid_t parent)
{
        g_autofree char *old = g_strdup_printf("%d", parent), *own = g_strdup_printf("%d", getpid());

        if (g_strcmp0(getenv("LISTEN_PID"), old) == 0)
                setenv("LISTEN_PID", own, 1);
}

static _Noreturn void become_runtime(const GPtrArray *argv, pid_t parent, const sigset_t *mask)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(128 + SIGKILL);
        sigprocmask(SIG_SETMASK, mask, NULL);
        adopt_passed_sockets(parent);
        runtime_exec(argv);
        _exit(127);
}

static int exit_status(int status)
{
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Signals from a terminal (si_code > 0) have reached the runtime by themselves: it is in our process group.
 */
static int wait_for(pid_t child, const sigset_t *signals)
{
        siginfo_t info;
        int status;

        for (;;) {
                if (sigwaitinfo(signals, &info) < 0)
                        continue;
                if (info.si_signo != SIGCHLD) {
                        if (info.si_code <= 0)
                                kill(child, info.si_signo);
                        continue;
                }
                pid_t ended = waitpid(child, &status, WNOHANG);
                if (ended == child)
                        return exit_status(status);
                if (ended < 0 && errno != EINTR)
                        return err_negative();
        }
}

int runtime_run(const GPtrArray *argv)
{
        pid_t parent = getpid();
        sigset_t signals, mask;

        signal(SIGCHLD, SIG_DFL); /* ignored, it would leave nothing to wait for */
        passed_signals(&signals);
        sigprocmask(SIG_BLOCK, &signals, &mask);
        pid_t child = fork();
        if (child == 0)
                become_runtime(argv, parent, &mask);
        int r = child < 0 ? err_negative() : wait_for(child, &signals);
        sigprocmask(SIG_SETMASK, &mask, NULL);
        return r;
}
