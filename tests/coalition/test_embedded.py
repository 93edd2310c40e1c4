"""The embedded PostgreSQL on folders of its own: shared, killed, moved, and never in anybody's way."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from coalition import embedded

USE_IT = """
import sys, psycopg
from coalition import embedded
entry = embedded.ensure_running(sys.argv[1])
with psycopg.connect(host=entry["HOST"], port=entry["PORT"], user=entry["USER"], dbname=entry["NAME"]) as connection:
    print(connection.execute("SELECT pg_postmaster_start_time()").fetchone()[0], flush=True)
if len(sys.argv) > 2:
    sys.stdin.read()
"""


@contextmanager
def place():
    """A place for servers that the system user, who runs them as root, can get to; emptied in the end."""
    parent = Path(tempfile.mkdtemp(prefix="coalition-test-", dir="/var/tmp"))
    parent.chmod(0o711)
    yield parent
    for path in parent.rglob("start.lock"):
        embedded.stop(path.parent)
    shutil.rmtree(parent)


@pytest.fixture
def folder():
    """Where a test may start a server of its own and break it."""
    with place() as parent:
        yield parent / "postgres"


@pytest.fixture(scope="module")
def running():
    """The folder of a server that the tests which break nothing share."""
    with place() as parent:
        embedded.ensure_running(parent / "postgres")
        yield parent / "postgres"


def ask(entry, query, *values):
    host, port, user, name = entry["HOST"], entry["PORT"], entry["USER"], entry["NAME"]
    with psycopg.connect(host=host, port=port, user=user, dbname=name, autocommit=True) as connection:
        cursor = connection.execute(query, values)
        return cursor.fetchone()[0] if cursor.description else None


def server(folder):
    return psutil.Process(int((folder / "data" / "postmaster.pid").read_text().splitlines()[0]))


def use_elsewhere(folder, *more, **options):
    return subprocess.Popen(
        [sys.executable, "-c", USE_IT, folder, *more],
        cwd=embedded.CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def test_it_starts_once_and_is_found_quickly_afterwards(running, monkeypatch):
    first = embedded.ensure_running(running)
    monkeypatch.setattr(embedded, "_locked", None)  # what runs is asked, and nothing is waited for
    assert embedded.ensure_running(running) == first
    assert first["ENGINE"] == "django.db.backends.postgresql"


def test_several_processes_at_once_share_one_server(folder):
    processes = [use_elsewhere(folder) for _ in range(6)]
    started = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 6
    assert len(set(started)) == 1
    # All of them have gone, and it still runs.
    assert f"{ask(embedded.ensure_running(folder), 'SELECT pg_postmaster_start_time()::timestamptz')}\n" == started[0]


def test_it_keeps_what_was_committed_when_everything_is_killed(folder):
    entry = embedded.ensure_running(folder)
    ask(entry, "CREATE TABLE kept AS SELECT 'Ñandú' AS word")
    first = server(folder)
    for process in [first, *first.children()]:
        with suppress(psutil.NoSuchProcess):  # what serves nobody any more ends by itself
            process.kill()
    first.wait(10)
    assert embedded.ensure_running(folder) == entry
    assert ask(entry, "SELECT word FROM kept") == "Ñandú"


def test_it_starts_beside_what_a_killed_server_left_running(folder):
    entry = embedded.ensure_running(folder)
    with psycopg.connect(host=entry["HOST"], port=entry["PORT"], user=entry["USER"], dbname=entry["NAME"]):
        server(folder).send_signal(signal.SIGKILL)
        assert embedded.ensure_running(folder) == entry
    assert ask(entry, "SELECT 1") == 1


def test_a_dead_servers_number_that_now_belongs_to_another_program_does_not_matter(folder):
    entry = embedded.ensure_running(folder)
    record = folder / "data" / "postmaster.pid"
    killed = server(folder)
    _number, *rest = record.read_text().splitlines()
    killed.kill()
    killed.wait(10)
    user = embedded._system_user()
    identity = {"user": user.pw_uid} if user else {}
    with subprocess.Popen(["sleep", "100"], cwd="/", **identity) as stranger:
        record.write_text("\n".join([str(stranger.pid), *rest, ""]))
        assert embedded.ensure_running(folder) == entry
        assert ask(entry, "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("left", ["", "12"])
def test_a_half_written_record_of_a_server_does_not_matter(folder, left):
    entry = embedded.ensure_running(folder)
    embedded.stop(folder)
    (folder / "data" / "postmaster.pid").write_text(left)
    assert embedded.ensure_running(folder) == entry


def test_a_first_start_that_was_cut_short_is_begun_again(folder):
    folder.mkdir(mode=0o711)
    (folder / "data.new").mkdir()
    (folder / "data.new" / "PG_VERSION").write_text("18\n")
    assert ask(embedded.ensure_running(folder), "SELECT 1") == 1


def test_a_long_path_gets_a_short_socket_of_its_own(folder):
    deep = folder / ("a checkout, far down " * 5) / "ñ" / "postgres"
    entry = embedded.ensure_running(deep)
    assert ask(entry, "SELECT 1") == 1
    socket = Path(entry["HOST"])
    assert (socket.parent, stat.S_IMODE(socket.stat().st_mode)) == (Path("/tmp"), 0o700)
    # Somebody tidies /tmp while the server runs.
    shutil.rmtree(socket)
    assert ask(embedded.ensure_running(deep), "SELECT 1") == 1
    embedded.stop(deep)
    shutil.rmtree(socket)


def test_a_folder_moved_while_it_runs_is_found_again(folder):
    ask(embedded.ensure_running(folder), "CREATE TABLE kept AS SELECT 1 AS one")
    embedded._release(folder)
    moved = folder.rename(folder.with_name("moved"))
    assert ask(embedded.ensure_running(moved), "SELECT one FROM kept") == 1


def test_no_folder_above_is_opened_to_anybody(folder):
    above = [*folder.parents, *embedded.CHECKOUT.parents, Path(psycopg.__file__), *Path(psycopg.__file__).parents]
    before = [(path, path.stat().st_mode, path.stat().st_uid) for path in above]
    entry = embedded.ensure_running(folder)
    assert [(path, path.stat().st_mode, path.stat().st_uid) for path in above] == before
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder / "data", Path(entry["HOST"]))] == [0o700, 0o700]


def test_a_folder_that_somebody_else_may_write_to_is_refused(folder):
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(embedded.EmbeddedError, match="open to others"):
        embedded.ensure_running(folder)
    assert list(folder.iterdir()) == []


def test_it_is_not_stopped_under_another_process(folder):
    entry = embedded.ensure_running(folder)
    with use_elsewhere(folder, "wait", stdin=subprocess.PIPE) as other:
        other.stdout.readline()
        assert embedded.stop(folder, only_if_unused=True) is False
        assert ask(entry, "SELECT 1") == 1
        with pytest.raises(embedded.EmbeddedError, match="in use"):
            embedded.remove(folder)
        other.kill()
    assert embedded.stop(folder, only_if_unused=True) is True
    with pytest.raises(psycopg.OperationalError):
        ask(entry, "SELECT 1")


def test_its_data_can_be_removed(folder):
    embedded.ensure_running(folder)
    embedded.remove(folder)
    assert not folder.exists()


def test_who_needs_a_server_that_is_stopping_gets_it_again(folder):
    entry = embedded.ensure_running(folder)
    before = ask(entry, "SELECT pg_postmaster_start_time()")
    assert embedded.stop(folder, wait=False) is True
    assert embedded.ensure_running(folder) == entry
    assert ask(entry, "SELECT pg_postmaster_start_time()") > before


def test_stopping_what_never_ran_is_no_matter(folder):
    assert embedded.stop(folder) is True
    assert not folder.exists()


def test_letters_beyond_ascii_have_upper_and_lower_case_and_pages_have_checksums(running):
    entry = embedded.ensure_running(running)
    assert ask(entry, "SELECT upper('ñandú')") == "ÑANDÚ"
    assert ask(entry, "SHOW data_checksums") == "on"
    assert ask(entry, "SHOW fsync") == "on"
    assert ask(entry, "SHOW server_encoding") == "UTF8"


def test_its_log_holds_no_personal_data(running):
    entry = embedded.ensure_running(running)
    ask(entry, "CREATE TABLE address (value text PRIMARY KEY)")
    ask(entry, "INSERT INTO address VALUES ('ana@example.org')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        ask(entry, "INSERT INTO address VALUES ('ana@example.org')")
    log = (running / "server.log").read_text()
    assert "duplicate key" in log
    assert "ana@example.org" not in log


def test_as_root_the_data_stays_outside_the_checkout_and_otherwise_inside():
    inside = embedded.data_folder().is_relative_to(embedded.CHECKOUT)
    assert inside is (os.geteuid() != 0)
