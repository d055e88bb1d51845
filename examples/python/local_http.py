"""A local HTTP server in a process of its own, and as much of aiohttp's client as the programs use.

    local_http.py        serves: prints its address, ends when its input does
"""

import asyncio
import contextlib
import resource
import subprocess
import sys
from types import SimpleNamespace

# More connections than any program here makes.
CONNECTIONS = 1024


class Server:
    """The server. In a process of its own it has its own file descriptors."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self.address = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def url(self, word):
        query = "ie=utf-8&f=8&rsv_bp=1&ch=&tn=baiduerr&bar="
        return "http://{}/s?{}&wd={}".format(self.address, query, word)


def limit_descriptors(limit):
    """Lets this process have at most so many file descriptors."""
    _, maximum = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, maximum))


class ClientSession:
    """aiohttp's, as far as the tutorial needs it: one request on one connection."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    @contextlib.asynccontextmanager
    async def get(self, url):
        address, path = url.removeprefix("http://").split("/", 1)
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write("GET /{} HTTP/1.1\r\nHost: {}\r\n\r\n".format(path, address).encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            length = next(
                int(line.split(":")[1]) for line in head if line.startswith("Content-Length:")
            )
            body = await reader.readexactly(length)
            yield SimpleNamespace(status=int(head[0].split()[1]), body=body)
        finally:
            writer.close()
            await writer.wait_closed()


async def answer(reader, writer):
    request = (await reader.readuntil(b"\r\n\r\n")).decode()
    query = request.split()[1].partition("?")[2]
    body = "You searched for {}\n".format(query).encode()
    head = "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n".format(len(body))
    writer.write(head.encode() + body)
    # The client closes the connection.
    await reader.read()
    writer.close()


async def serve():
    limit_descriptors(CONNECTIONS)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=CONNECTIONS)
    host, port = server.sockets[0].getsockname()
    print("{}:{}".format(host, port), flush=True)
    # The other end is in the program, and closes when that ends in whatever way.
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
