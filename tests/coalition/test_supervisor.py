"""The supervisor with small children: it shows, restarts and stops them, and nothing outlives it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from coalition import embedded, supervisor

SUPERVISE = """
import sys
from coalition.supervisor import Child, run
address, grace, *programs = sys.argv[1:]
python, mine = [sys.executable, "-c"], {"MINE": "yes"}
children = [Child(f"child{place}", [*python, program], mine) for place, program in enumerate(programs)]
run(children, address=address or None, grace=float(grace), on_ready=lambda: print("on_ready was called", flush=True))
print("all is stopped", flush=True)
"""
SLEEP = "import os, time; print('pid', os.getpid(), os.environ['MINE'], flush=True); time.sleep(100)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, lambda *_: print('no', flush=True)); " + SLEEP
PARENT = """
import subprocess, sys
print("pid", subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"]).pid, "yes")
"""
SERVE = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""


@pytest.fixture
def supervise():
    started = []

    def start(*programs, address="", grace=1):
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", SUPERVISE, address, str(grace), *programs],
            cwd=embedded.CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def read_until(process, pattern, count=1):
    """What the supervisor says, up to the `count`-th line with `pattern`; return its first groups."""
    found = []
    while len(found) < count:
        line = process.stdout.readline()
        assert line, f"it ended before saying {pattern}"
        if match := re.search(pattern, line):
            found.append(match[1] if match.groups() else match[0])
    return found


def pids(process, count=1):
    return [psutil.Process(int(pid)) for pid in read_until(process, r"\| pid (\d+) yes", count)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_all_children_when_asked(supervise, number):
    process = supervise(SLEEP, SLEEP)
    children = pids(process, 2)
    began = time.monotonic()
    process.send_signal(number)
    assert process.communicate(timeout=60)[0].splitlines()[-1] == "all is stopped"
    assert time.monotonic() - began < 50  # they would sleep for 100
    assert [child.is_running() for child in children] == [False, False]


def test_a_child_that_will_not_stop_is_killed_after_the_grace(supervise):
    process = supervise(STUBBORN, SLEEP, grace=1)
    children = pids(process, 2)
    began = time.monotonic()
    process.terminate()
    assert process.wait(60) == 0
    assert 1 <= time.monotonic() - began < 50
    assert [child.is_running() for child in children] == [False, False]


def test_a_second_ctrl_c_does_not_wait(supervise):
    process = supervise(STUBBORN, grace=60)
    (child,) = pids(process)
    process.send_signal(signal.SIGINT)
    read_until(process, "no")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert not child.is_running()


def test_what_a_child_started_ends_with_it(supervise):
    process = supervise(PARENT)
    (grandchild,) = read_until(process, r"\| pid (\d+) yes")
    read_until(process, "ended")
    end = time.monotonic() + 60
    while psutil.pid_exists(int(grandchild)):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_child_that_dies_is_started_again_after_a_growing_pause(supervise):
    process = supervise("raise SystemExit(3)")
    assert read_until(process, r"child0 \| ended \(exit code 3\), starts again in (\S+) s", 3) == ["0.5", "1", "2"]


def test_a_child_that_is_killed_is_started_again(supervise):
    process = supervise(SLEEP)
    (child,) = pids(process)
    child.kill()
    assert read_until(process, r"child0 \| (ended.*)") == ["ended (killed by SIGKILL), starts again in 0.5 s"]
    (again,) = pids(process)
    assert again.pid != child.pid


def test_output_is_passed_on_line_by_line_with_the_name_of_the_child(supervise):
    process = supervise("import sys; print('one\\ntwo'); sys.stderr.write('Ñ, unfinished')")
    read = [process.stdout.readline() for _ in range(4)]
    assert read == [
        "child0 | one\n",
        "child0 | two\n",
        "child0 | Ñ, unfinished\n",
        "child0 | ended (exit code 0), starts again in 0.5 s\n",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_children_do_not_outlive_a_supervisor_that_is_killed(supervise):
    process = supervise(SLEEP, SLEEP)
    children = pids(process, 2)
    process.kill()
    _gone, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []


def test_it_prints_the_address_once_when_the_server_answers(supervise, free_port):
    address = f"http://127.0.0.1:{free_port}/"
    process = supervise("import time; time.sleep(0.5)" + SERVE.format(port=free_port), address=address)
    assert read_until(process, "The coalition is at (.*)") == [address]
    read_until(process, "on_ready was called")
    process.terminate()
    assert address not in process.communicate(timeout=60)[0]


def test_it_stops_when_nobody_reads_its_output(supervise):
    process = supervise("import time\nwhile True: print('more'); time.sleep(0.01)")
    process.stdout.readline()
    process.stdout.close()
    process.wait(10)


def test_a_taken_port_is_said_plainly():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(supervisor.PortError, match=rf"^Port {port} is taken.* make demo PORT=\d+$"):
            supervisor.check_port(port)


def test_a_free_port_is_accepted_as_text_too(free_port):
    supervisor.check_port(str(free_port))


@pytest.mark.parametrize("port", ["eighty", "", "0", "70000", "-1"])
def test_what_is_no_port_is_said_plainly(port):
    with pytest.raises(supervisor.PortError, match="is not a port"):
        supervisor.check_port(port)


def test_the_coalition_on_a_laptop_is_web_worker_and_beat(tmp_path):
    web, worker, beat = supervisor.processes(8123, tmp_path / "schedule")
    assert [child.name for child in (web, worker, beat)] == ["web", "worker", "beat"]
    assert "127.0.0.1:8123" in web.argv
    assert str(tmp_path / "schedule") in beat.argv
    assert os.path.basename(web.argv[0]).startswith("python")
