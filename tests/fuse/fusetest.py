"""What the Python tests of a mounted server share: TAP, a mount namespace of their own, a standalone cloisterd.

A script calls main(test): test(t) runs in a process that is alone in its mount and PID namespaces, as init of the latter,
so that whatever it starts ends with it. The outer process removes the folder and the control groups."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("CLOISTER_BUILD") or os.path.join(os.path.dirname(__file__), "../../build-test")
LIBC = ctypes.CDLL(None, use_errno=True)


class Tap:
    def __init__(self, folder):
        self.folder = folder
        self.count = self.failed = 0

    def ok(self, good, text, detail=""):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {text}")
        if not good and detail:
            print("\n".join("# " + line for line in str(detail).splitlines()[:20]))
        sys.stdout.flush()

    def same(self, got, wanted, text):
        self.ok(got == wanted, text, f"got:    {got!r}\nwanted: {wanted!r}")


class Standalone:
    """A cloisterd --standalone, mounted at .root."""

    def __init__(self, folder, *options):
        self.root = os.path.join(folder, "mnt")
        os.makedirs(self.root, exist_ok=True)
        os.chmod(folder, 0o755)
        self.log = open(os.path.join(folder, "log"), "ab")
        self.keeper = subprocess.Popen(
            [os.path.join(BUILD, "src/bin/cloisterd"), "--standalone", self.root, *options],
            stderr=self.log, stdin=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(self.path("proc/uptime")), 20)

    def path(self, name):
        return os.path.join(self.root, name)

    def server(self):
        """The process id of the server, the keeper's child."""
        with open(f"/proc/{self.keeper.pid}/task/{self.keeper.pid}/children") as f:
            children = f.read().split()
        return int(children[0]) if children else None

    def stop(self):
        """Ends it; returns its exit status."""
        self.keeper.send_signal(signal.SIGTERM)
        return self.keeper.wait(20)


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("waited in vain")
        time.sleep(0.02)


def read(path):
    with open(path, "rb", buffering=0) as f:
        return f.read()


def cgroup_roots(controller):
    """Where the controller's hierarchy is mounted (v1, or the only v2 one), and whether it is v2."""
    with open("/proc/self/mounts") as f:
        mounts = [line.split() for line in f]
    for m in mounts:
        if m[2] == "cgroup" and controller in m[3].split(","):
            return m[1], False
    for m in mounts:
        if m[2] == "cgroup2":
            with open(os.path.join(m[1], "cgroup.controllers")) as f:
                if controller in f.read().split():
                    return m[1], True
    raise RuntimeError(f"no cgroup hierarchy has the controller {controller}")


def memory_cgroup(name, limit):
    """Makes a group with a memory limit in bytes; returns its cgroup.procs. Removed by main()."""
    root, v2 = cgroup_roots("memory")
    path = os.path.join(root, f"cloister-test-{os.environ['FUSETEST_ID']}-{name}")
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "memory.max" if v2 else "memory.limit_in_bytes"), "w") as f:
        f.write(str(limit))
    return os.path.join(path, "cgroup.procs")


def remove_cgroups(ident):
    root, _ = cgroup_roots("memory")
    for name in os.listdir(root):
        if name.startswith(f"cloister-test-{ident}-"):
            for _ in range(100):
                try:
                    os.rmdir(os.path.join(root, name))
                    break
                except OSError:
                    time.sleep(0.05)


def unshare(flags):
    if LIBC.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def enter_namespaces():
    """Own mount and PID namespace; returns in the child, which is process 1 of it."""
    unshare(0x20000000)  # CLONE_NEWPID: of children
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    LIBC.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    unshare(0x00020000)  # CLONE_NEWNS
    LIBC.mount(b"none", b"/", None, 0x4000 | 0x40000, None)  # MS_REC | MS_PRIVATE
    if LIBC.mount(b"proc", b"/proc", b"proc", 0, None) != 0:
        raise OSError(ctypes.get_errno(), "mount /proc")
    return None


def main(test):
    folder = tempfile.mkdtemp(prefix="cloister-test-")
    ident = os.environ["FUSETEST_ID"] = str(os.getpid())
    for s in (signal.SIGTERM, signal.SIGINT):
        signal.signal(s, lambda *_: sys.exit(1))
    try:
        status = enter_namespaces()
        if status is None:
            t = Tap(folder)
            try:
                test(t)
            except BaseException as e:  # what is not an answer is a failure
                t.ok(False, f"{type(e).__name__}: {e}")
                log = os.path.join(folder, "log")
                print("# " + read(log).decode(errors="replace").replace("\n", "\n# ") if os.path.exists(log) else "")
            print(f"1..{t.count}", flush=True)
            os._exit(1 if t.failed else 0)  # ends all that is left in the namespace
    finally:
        if os.getpid() != 1:
            remove_cgroups(ident)
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(status)
