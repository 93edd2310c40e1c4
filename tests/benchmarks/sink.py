"""A mail server that takes everything and writes down delivery ids: `python -m tests.benchmarks.sink LOG DELAY SILENT`.

It speaks the SMTP of RFC 5321 with pipelining and nothing else, so that it is not what is being measured.
"""

import asyncio
import os
import re
import sys

ID = re.compile(rb"^Message-ID:\s*<delivery-(\d+)\.", re.MULTILINE | re.IGNORECASE)
END = b"\r\n.\r\n"


class Session(asyncio.Protocol):
    def __init__(self, log, delay, silent):
        self.log, self.delay, self.silent = log, delay, silent
        self.held, self.in_data, self.thinking = bytearray(), False, False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"220 sink.example.org ESMTP\r\n")

    def data_received(self, data):
        self.held += data
        self._go_on()

    def _go_on(self):
        while not self.thinking and self._step():
            pass

    def _step(self):
        """Take one command or one message; False when more has to come first."""
        if self.in_data:
            end = self.held.find(END)
            if end < 0:
                return False
            found = ID.search(self.held, 0, end)
            delivery = int(found[1]) if found else 0
            os.write(self.log, b"%d\n" % delivery)
            del self.held[: end + len(END)]
            self.in_data = False
            if self.silent and delivery and delivery % self.silent == 0:
                self.thinking = True  # for ever: it took the message, and nobody will hear of it
            else:
                self._answer(b"250 2.0.0 Taken\r\n")
            return True
        end = self.held.find(b"\r\n")
        if end < 0:
            return False
        word = bytes(self.held[:4]).upper()
        del self.held[: end + 2]
        if word == b"EHLO":
            self.transport.write(b"250-sink.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10000000\r\n")
        elif word == b"DATA":
            self.in_data = True
            self.transport.write(b"354 Go on\r\n")
        elif word == b"QUIT":
            self.transport.write(b"221 2.0.0 Bye\r\n")
            self.transport.close()
        else:
            self.transport.write(b"250 2.1.0 OK\r\n")
        return True

    def _answer(self, line):
        """A slow server takes the message at once and says so late: what a killed worker never hears."""
        if self.delay:
            self.thinking = True
            asyncio.get_running_loop().call_later(self.delay, self._say, line)
        else:
            self.transport.write(line)

    def _say(self, line):
        self.thinking = False
        if not self.transport.is_closing():
            self.transport.write(line)
            self._go_on()


async def serve(path, delay, silent):
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(log, delay, silent), "127.0.0.1", 0)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
