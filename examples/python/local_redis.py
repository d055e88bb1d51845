"""A Redis server, and of redis-py what the programs use of it."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from urllib.parse import urlparse


class Server:
    """The server that REDIS_URL names, or one on a free port of this machine."""

    def __init__(self):
        self.process = None
        self.url = os.environ.get("REDIS_URL")
        if self.url is not None:
            return
        if shutil.which("redis-server") is None:
            sys.exit(
                "redis-server is not installed: install it (apt-get install redis-server), "
                "or set REDIS_URL to a server's, as in redis://127.0.0.1:6379"
            )
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.folder = tempfile.TemporaryDirectory()
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
        self.process = subprocess.Popen(
            [*command, "--dir", self.folder.name], stdout=subprocess.PIPE, text=True
        )
        if not any("Ready to accept connections" in line for line in self.process.stdout):
            sys.exit("redis-server ended")
        self.url = f"redis://127.0.0.1:{port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.folder.cleanup()

    def connect(self):
        return Redis(self.url)


class Redis:
    """A connection: each command is a method, as `redis.lpush(key, value)`."""

    def __init__(self, url):
        url = urlparse(url)
        self.socket = socket.create_connection((url.hostname, url.port or 6379))
        self.file = self.socket.makefile("rb")
        if url.password:
            self.auth(*filter(None, (url.username, url.password)))

    def __getattr__(self, command):
        def call(*words):
            words = [str(word).encode() for word in (command, *words)]
            parts = [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
            self.socket.sendall(b"*%d\r\n%s" % (len(words), b"".join(parts)))
            return self.reply()

        return call

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        raise OSError(line.decode() or "the server closed the connection")
