"""Run the demo's processes as one: start them, show what they say, restart what dies, stop all of them together.

A single thread and one loop. Every child leads a process group of its own, so that nothing it started outlives it and
Ctrl-C reaches only the supervisor. Where the supervisor itself is killed, Linux tells the children to stop.
"""

import ctypes
import http.client
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

GRACE = 3  # seconds from "please stop" to "you are stopped"; with what follows everything ends within five
FIRST_PAUSE, LONGEST_PAUSE = (
    0.5,
    15,
)  # seconds before a restart: doubled at each death, and from the start again once it lived
LIVED = 30  # seconds that count as having lived
COLOURS = (36, 35, 33, 32, 34)
PR_SET_PDEATHSIG = 1


class PortError(Exception):
    """The port cannot be used; the message says why and what to type instead."""


@dataclass
class Child:
    """A program to keep running: a short name for its output, its arguments, and what its environment adds to ours."""

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)


def processes(port, schedule, *, host="127.0.0.1"):
    """Return web, worker and beat of a coalition on a laptop. `schedule` is the file where beat notes what it ran.

    They say only what went wrong, unless LOG_LEVEL asks for more.
    """
    level = os.environ.get("LOG_LEVEL", "WARNING")
    # Celery warns of root in three paragraphs; on a laptop and in a container root is whoever types.
    quiet = {"LOG_LEVEL": level, "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges"}
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "--app", "coalition", "--quiet"]
    web = ["--bind", f"{host}:{port}", "--worker-class", "gthread", "--workers", "1", "--threads", "8"]
    web += ["--graceful-timeout", "1", "--no-control-socket", "--log-level", level]
    # Threads instead of processes: the tasks wait for the database and the network, and memory is short on a laptop.
    worker = [
        "--pool",
        "threads",
        "--concurrency",
        "2",
        "--prefetch-multiplier",
        "1",
        "--without-gossip",
        "--without-mingle",
    ]
    return [
        Child("web", [*python, "gunicorn", "coalition.wsgi:application", *web], quiet),
        Child("worker", [*celery, "worker", *worker, "--loglevel", level], quiet),
        Child("beat", [*celery, "beat", "--schedule", str(schedule), "--pidfile", "", "--loglevel", level], quiet),
    ]


def check_port(port, *, host="127.0.0.1"):
    """Raise PortError unless `port` can be served on. Ask before anything slow."""
    try:
        number = int(port)
        if not 1 <= number <= 65535:
            raise ValueError
    except ValueError:
        raise PortError(f"PORT={port} is not a port. Choose a number like this: make demo PORT=8001") from None
    other = number + 1 if 1024 <= number < 65535 else 8001
    taken = PortError(f"Port {number} is taken by another program. Choose another one: make demo PORT={other}")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        # macOS lets two programs share a port when one listens on all addresses: ask whether somebody answers as well.
        attempt.settimeout(1)
        if attempt.connect_ex((host, number)) == 0:
            raise taken
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, number))
        except PermissionError:
            raise PortError(f"Port {number} is kept for the system. Choose another one: make demo PORT=8001") from None
        except OSError:
            raise taken from None


def run(children, *, address=None, ready_path="/healthz", on_ready=None, grace=GRACE, output=None):
    """Keep `children` running until Ctrl-C or SIGTERM, then stop them all within `grace` seconds and a moment.

    Once the server at `address` answers, print the address and call `on_ready`. Must be called in the main thread.
    """
    _Supervisor(children, grace, output or sys.stdout).run(address, ready_path, on_ready)


class _Running:
    """A child and what is known of it."""

    def __init__(self, child, colour):
        self.child = child
        self.colour = colour
        self.process = None
        self.started = 0.0
        self.pause = FIRST_PAUSE
        self.start_at = 0.0
        self.unfinished = b""


class _Supervisor:
    def __init__(self, children, grace, output):
        self.running = [_Running(child, COLOURS[place % len(COLOURS)]) for place, child in enumerate(children)]
        self.width = max(len(child.name) for child in children)
        self.grace = grace
        self.output = output
        self.coloured = output.isatty() and "NO_COLOR" not in os.environ
        self.selector = selectors.DefaultSelector()
        self.asked_to_stop = 0
        self.libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before any fork

    def run(self, address, ready_path, on_ready):
        handlers = {
            number: signal.signal(number, self.hear) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        # A signal that arrives while the loop sleeps wakes it up by a byte; so does the death of a child.
        wake, waker = socket.socketpair()
        wake.setblocking(False)
        waker.setblocking(False)
        handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self.selector.register(wake, selectors.EVENT_READ)
        try:
            while not self.asked_to_stop:
                self.start_what_is_due()
                self.listen(0.25 if address else 1.0)
                self.mourn()
                if address and not self.asked_to_stop and _answers(address, ready_path):
                    self.say(f"\n  The coalition is at {address}\n  Ctrl-C stops it.\n")
                    address = None
                    if on_ready:
                        on_ready()
        finally:
            self.stop()
            signal.set_wakeup_fd(-1)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            self.selector.close()
            wake.close()
            waker.close()

    def hear(self, number, _frame):
        """Count what asks to stop. A terminal that closes may say so twice, which is no impatience."""
        self.asked_to_stop = max(1, self.asked_to_stop + (number == signal.SIGINT))

    def start_what_is_due(self):
        now = time.monotonic()
        for one in self.running:
            if one.process is None and now >= one.start_at:
                one.process = subprocess.Popen(
                    one.child.argv,
                    env={**os.environ, "PYTHONUNBUFFERED": "1", **one.child.env},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=self.die_with_parent,  # noqa: PLW1509 - there is only this thread
                )
                one.started = now
                os.set_blocking(one.process.stdout.fileno(), False)
                self.selector.register(one.process.stdout, selectors.EVENT_READ, one)

    def die_with_parent(self):
        """In the child, before its program begins."""
        if self.libc:
            self.libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    def listen(self, timeout):
        """Pass on what the children say, until `timeout` seconds are over or something happens."""
        due = [one.start_at - time.monotonic() for one in self.running if one.process is None]
        for key, _events in self.selector.select(max(0, min([timeout, *due]))):
            if key.data is None:
                with suppress(BlockingIOError):
                    key.fileobj.recv(4096)
            else:
                self.pass_on(key.data)

    def pass_on(self, one):
        try:
            said = os.read(one.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return
        if not said:
            self.selector.unregister(one.process.stdout)
        *lines, one.unfinished = (one.unfinished + said).split(b"\n")
        for line in lines:
            self.say(line.decode(errors="replace").rstrip("\r"), one)
        if not said or len(one.unfinished) > 65536:
            self.finish_line(one)

    def finish_line(self, one):
        if one.unfinished:
            line, one.unfinished = one.unfinished, b""
            self.say(line.decode(errors="replace").rstrip("\r"), one)

    def mourn(self):
        """Bury the dead with all they left behind, and decide when they start again."""
        for one in self.running:
            if one.process is None or one.process.poll() is None:
                continue
            self.bury(one)
            lived = time.monotonic() - one.started
            if lived > LIVED:
                one.pause = FIRST_PAUSE
            self.say(f"ended ({_ending(one.process.returncode)}), starts again in {one.pause:g} s", one)
            one.start_at = time.monotonic() + one.pause
            one.pause = min(one.pause * 2, LONGEST_PAUSE)
            one.process = None

    def bury(self, one):
        _signal_group(one.process, signal.SIGKILL)
        if one.process.stdout in self.selector.get_map():
            self.pass_on(one)
        self.finish_line(one)  # its end may not have been read: the next child's first words are another line
        if one.process.stdout in self.selector.get_map():
            self.selector.unregister(one.process.stdout)
        one.process.stdout.close()

    def stop(self):
        alive = [one for one in self.running if one.process is not None]
        for one in alive:
            _signal_group(one.process, signal.SIGTERM, only_leader=True)
        deadline = time.monotonic() + self.grace
        # A second Ctrl-C is impatience: it ends the waiting.
        while (
            any(one.process.poll() is None for one in alive) and time.monotonic() < deadline and self.asked_to_stop <= 1
        ):
            self.listen(min(0.1, max(0, deadline - time.monotonic())))
        for one in alive:
            self.bury(one)
            one.process.wait()

    def say(self, text, one=None):
        if one:
            name = f"{one.child.name:{self.width}} |"
            text = f"\033[{one.colour}m{name}\033[0m {text}" if self.coloured else f"{name} {text}"
        if self.output is None:
            return
        try:
            print(text, file=self.output, flush=True)
        except OSError:  # nobody reads any more: `make demo | head`, or the terminal is gone
            self.output = None
            self.asked_to_stop = max(1, self.asked_to_stop)


def _signal_group(process, number, *, only_leader=False):
    """SIGTERM goes to the leader, who knows how to stop its own; SIGKILL to all of the group, dead leader or not."""
    with suppress(ProcessLookupError, PermissionError):
        if only_leader:
            process.send_signal(number)
        else:
            os.killpg(process.pid, number)


def _ending(returncode):
    if returncode < 0:
        return f"killed by {signal.Signals(-returncode).name}"
    return f"exit code {returncode}"


def _answers(address, path):
    """Whether the web process serves. A 503 is an answer too: it says that beat or the worker is still on its way."""
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status in (200, 503)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
