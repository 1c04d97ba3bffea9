"""python3 -m unittest in this folder; a server of a few lines stands for cloisterd."""

import json
import os
import socket
import tempfile
import threading
import unittest

import cloister


class Server(threading.Thread):
    """Answers one call after the other with what answer(call) returns: a dict, bytes, or None to hang up."""

    def __init__(self, path, answer):
        super().__init__(daemon=True)
        self.calls = []
        self._answer = answer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with peer:
                self._serve(peer)

    def _serve(self, peer):
        data = b""
        while True:
            while b"\0" not in data:
                chunk = peer.recv(4096)
                if not chunk:
                    return
                data += chunk
            message, _, data = data.partition(b"\0")
            call = json.loads(message)
            self.calls.append(call)
            reply = self._answer(call)
            if reply is None:
                return
            peer.sendall(reply if isinstance(reply, bytes) else json.dumps(reply).encode() + b"\0")

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.join()


class Calls(unittest.TestCase):
    def serve(self, answer):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "sock")
        self.server = Server(path, answer)
        self.addCleanup(self.server.stop)
        connection = cloister.connect(path, timeout=2)
        self.addCleanup(connection.close)
        return connection

    def test_methods(self):
        replies = {
            "List": {"containers": [{"id": "web"}]},
            "Get": {"container": {"id": "web"}},
            "Render": {"text": "1\n\u00e9"},
            "SetSysctl": {},
            "Status": {"containers": 1},
        }
        c = self.serve(lambda call: {"parameters": replies[call["method"].rpartition(".")[2]]})
        self.assertEqual(c.list(), [{"id": "web"}])
        self.assertEqual(c.get("web"), {"id": "web"})
        self.assertEqual(c.render("web", "proc/uptime"), "1\n\u00e9")
        self.assertIsNone(c.set_sysctl("web", "vm.swappiness", 10))
        self.assertEqual(c.status()["containers"], 1)
        self.assertEqual(
            self.server.calls[3],
            {
                "method": "io.cloister.Containers.SetSysctl",
                "parameters": {"name": "web", "sysctl": "vm.swappiness", "value": "10"},
            },
        )

    def test_error(self):
        error = {"error": "io.cloister.Containers.NoSuchContainer", "parameters": {"name": "x"}}
        c = self.serve(lambda call: error)
        with self.assertRaises(cloister.Error) as caught:
            c.get("x")
        self.assertEqual(caught.exception.name, "NoSuchContainer")
        self.assertEqual(caught.exception.parameters, {"name": "x"})

    def test_restarted_server(self):
        answers = iter([None, {"parameters": {"containers": []}}])
        c = self.serve(lambda call: next(answers))
        self.assertEqual(c.list(), [])
        self.assertEqual(len(self.server.calls), 2)

    def test_dead_server(self):
        c = self.serve(lambda call: None)
        with self.assertRaises(ConnectionError):
            c.list()
        self.assertEqual(len(self.server.calls), 2)

    def test_silent_server(self):
        c = self.serve(lambda call: b"")
        with self.assertRaises(socket.timeout):
            c.list()

    def test_no_server(self):
        with self.assertRaises(FileNotFoundError):
            cloister.connect("/nonexistent/sock")


@unittest.skipUnless(os.environ.get("CLOISTER_TEST_CONTROL"), "CLOISTER_TEST_CONTROL names no running cloisterd")
class Real(unittest.TestCase):
    def test_real_server(self):
        with cloister.connect(os.environ["CLOISTER_TEST_CONTROL"]) as c:
            self.assertGreater(c.status()["serverPid"], 0)
            self.assertIsInstance(c.list(), list)
            self.assertIn("io.cloister.Containers", c.call("org.varlink.service.GetInfo")["interfaces"])
            with self.assertRaises(cloister.Error) as caught:
                c.render("no such container", "proc/uptime")
            self.assertEqual(caught.exception.name, "NoSuchContainer")


if __name__ == "__main__":
    unittest.main()
