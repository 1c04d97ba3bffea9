"""Control of cloisterd from Python: its Varlink interface io.cloister.Containers, without other modules.

    import cloister
    with cloister.connect() as c:
        for container in c.list():
            print(container["id"], c.render(container["key"], "proc/meminfo"))
"""

import json
import os
import socket

INTERFACE = "io.cloister.Containers"
DEFAULT_SOCKET = "/run/cloister/control.sock"
REPLY_MAX = 4 * 1024 * 1024


class Error(Exception):
    """An error reply. name is that of the interface ("NoSuchContainer"), parameters a dict."""

    def __init__(self, name, parameters):
        super().__init__(parameters.get("message") or f"{name} {json.dumps(parameters)}")
        self.name = name
        self.parameters = parameters


def connect(path=None, timeout=10):
    """Connects to the control socket: path, else $CLOISTER_CONTROL, else the default one. Raises OSError."""
    return Connection(path or os.environ.get("CLOISTER_CONTROL") or DEFAULT_SOCKET, timeout)


class Connection:
    """For one thread at a time. A connection that the server closed (it was restarted) is made again once."""

    def __init__(self, path, timeout):
        self._path = path
        self._timeout = timeout
        self._socket = None
        self._open()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._socket:
            self._socket.close()
            self._socket = None

    def _open(self):
        self.close()
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            s.settimeout(self._timeout)
            s.connect(self._path)
        except BaseException:
            s.close()
            raise
        self._socket = s

    def _exchange(self, message):
        try:
            self._socket.sendall(message)
        except BrokenPipeError:
            pass  # a server that refuses us has answered before it read
        reply = bytearray()
        while not reply.endswith(b"\0"):
            chunk = self._socket.recv(65536)
            if not chunk:
                raise ConnectionResetError("cloisterd hung up")
            reply += chunk
            if len(reply) > REPLY_MAX + 1:
                raise ValueError("the reply is too large")
        return json.loads(reply[:-1])

    def call(self, method, **parameters):
        """Any method ("List", or with its interface). Returns the reply's parameters; raises Error or OSError."""
        if "." not in method:
            method = f"{INTERFACE}.{method}"
        message = json.dumps({"method": method, "parameters": parameters}).encode() + b"\0"
        if self._socket is None:
            self._open()
        try:
            try:
                reply = self._exchange(message)
            except ConnectionResetError:
                self._open()
                reply = self._exchange(message)
        except BaseException:
            self.close()  # what comes later must not be taken for the next answer
            raise
        if "error" in reply:
            raise Error(reply["error"].rpartition(".")[2], reply.get("parameters", {}))
        return reply.get("parameters", {})

    def status(self):
        return self.call("Status")

    def list(self):
        """The containers, a list of dicts."""
        return self.call("List")["containers"]

    def get(self, name):
        """One container: name is its key, its id, or an unambiguous beginning of one."""
        return self.call("Get", name=name)["container"]

    def render(self, name, path):
        """The text of a file of its view: render("web", "proc/meminfo")."""
        return self.call("Render", name=name, path=path)["text"]

    def set_sysctl(self, name, sysctl, value):
        """Writes a sysctl as the container's root would: set_sysctl("web", "vm.swappiness", 10)."""
        self.call("SetSysctl", name=name, sysctl=sysctl, value=str(value))
