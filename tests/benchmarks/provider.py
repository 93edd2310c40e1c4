"""A provider that takes every call at once, as Mailgun answers: `python -m tests.benchmarks.provider`."""

import asyncio
import re
import sys

LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.MULTILINE | re.IGNORECASE)
SAID = b'{"id": "<batch@riverbend.example.org>", "message": "Queued. Thank you."}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(SAID), SAID)


class Session(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.held, self.wanted = transport, [], 0

    def data_received(self, data):
        self.held.append(data)
        self.wanted -= len(data)
        if self.wanted > 0:
            return
        whole = b"".join(self.held)
        self.held = [whole]
        head = whole.find(b"\r\n\r\n")
        if head < 0:
            self.wanted = 0
            return
        size = head + 4 + int(LENGTH.search(whole, 0, head)[1])
        self.wanted = size - len(whole)
        if self.wanted <= 0:
            self.held, self.wanted = [], 0
            self.transport.write(ANSWER)


async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Session, "127.0.0.1", 0)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
