"""The embedded database survives what machines do to it, as root and as a normal user."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api import embedded
from api.embedded import Cluster, ClusterError, database, find_binaries
from api.settings import Settings
from tests.conftest import PROJECT

AS_ROOT = os.geteuid() == 0
HOLDER = str(Path(__file__).with_name("hold_cluster.py"))
FORGETFUL = {"fsync": "off"}
"""Nothing reaches the disk for sure: right where a test kills no server."""
root_only = pytest.mark.skipif(not AS_ROOT, reason="only root can become another user")


@pytest.fixture
def place(open_folder: Path) -> Iterator[Path]:
    """Where a cluster may be; whatever runs there afterwards is stopped."""
    root = open_folder / "postgres"
    yield root
    if root.exists():
        Cluster(root).stop()


def running(cluster: Cluster) -> int:
    """Return the pid of the postmaster, which must be there."""
    server = cluster.postmaster()
    assert server is not None
    return server.pid


def asked(cluster: Cluster, sql: str, database: str = "postgres") -> str:
    """Return the one value that a statement answers."""
    where = ("-h", cluster.sockets, "-p", cluster.port, "-U", "postgres", "-d", database)
    return cluster.run("psql", *where, "-v", "ON_ERROR_STOP=1", "-XAtqc", sql).strip()


@contextlib.contextmanager
def holders(root: Path, number: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Start processes that each hold a lease; whichever still lives at the end is killed."""
    command = [sys.executable, HOLDER, str(root)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(number)]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def told(process: subprocess.Popen[str]) -> int:
    """Return the postmaster's pid as a holder tells it."""
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_a_cluster_starts_stops_and_keeps_its_rows(place: Path) -> None:
    cluster = Cluster(place, FORGETFUL).start()
    asked(cluster, "create table kept as select 1 as one")
    first = running(cluster)

    assert cluster.release()
    assert cluster.postmaster() is None
    assert not cluster.release()

    cluster.start()
    assert running(cluster) != first
    assert asked(cluster, "select one from kept") == "1"
    assert asked(cluster, "select datlocprovider::text || datlocale from pg_database where oid = 1") == "bC.UTF-8"


def test_the_server_is_closed_to_others_and_makes_a_database_of_any_name_once(place: Path) -> None:
    cluster = Cluster(place, FORGETFUL).start()

    cluster.create_database("链 舟")
    cluster.create_database("链 舟")

    for folder in (cluster.root, cluster.data, cluster.sockets):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert asked(cluster, "show listen_addresses", "链 舟") == ""


def test_the_server_stays_while_anyone_uses_it(place: Path) -> None:
    cluster = Cluster(place, FORGETFUL).start()
    with holders(place, 1) as (other,):
        assert told(other) == running(cluster)

        assert not cluster.release()
        assert cluster.postmaster() is not None

        other.send_signal(signal.SIGTERM)
        other.wait()
    cluster.start()
    assert cluster.release()


def test_the_last_process_to_end_stops_the_server(place: Path) -> None:
    with holders(place, 1) as (only,):
        told(only)
        only.send_signal(signal.SIGINT)
        only.wait()

    assert Cluster(place, FORGETFUL).postmaster() is None


def test_a_killed_parent_leaves_a_server_that_the_next_one_joins(place: Path) -> None:
    with holders(place, 1) as (parent,):
        pid = told(parent)
        parent.kill()
        parent.wait()

    cluster = Cluster(place, FORGETFUL).start()

    assert running(cluster) == pid
    assert cluster.release()


def test_committed_rows_survive_a_killed_postmaster(place: Path) -> None:
    cluster = Cluster(place).start()
    asked(cluster, "create table kept (n integer)")
    asked(cluster, "do $$ begin for n in 1..300 loop insert into kept values (n); commit; end loop; end $$")

    os.kill(running(cluster), signal.SIGKILL)
    began = time.monotonic()
    cluster.start()

    assert time.monotonic() - began < 30
    assert asked(cluster, "select count(*) from kept") == "300"


def test_processes_that_race_on_an_empty_folder_share_one_server(place: Path) -> None:
    with holders(place, 5) as started:
        assert len({told(process) for process in started}) == 1


def test_a_half_made_data_directory_is_made_anew(place: Path) -> None:
    cluster = Cluster(place, FORGETFUL)
    for remains in (cluster.data, cluster.root / "data.new"):
        remains.mkdir()
        (remains / "half").touch()

    assert asked(cluster.start(), "select 1") == "1"


def test_a_pid_file_that_names_somebody_else_is_no_server(place: Path) -> None:
    cluster = Cluster(place, FORGETFUL).start()
    cluster.stop()
    told_by_the_dead = f"{os.getpid()}\n{cluster.data}\n0\n5432\n{cluster.sockets}\n\n0 0\nready   \n"
    (cluster.data / "postmaster.pid").write_text(told_by_the_dead)

    assert cluster.postmaster() is None
    assert asked(cluster.start(), "select 1") == "1"


def test_a_torn_pid_file_is_no_server(place: Path) -> None:
    cluster = Cluster(place)
    cluster.data.mkdir()

    for torn in ("", "no number\n"):
        (cluster.data / "postmaster.pid").write_text(torn)
        assert cluster.postmaster() is None


def test_a_zombie_is_no_server(place: Path) -> None:
    child = subprocess.Popen(["true"], cwd=place.parent)
    time.sleep(0.2)  # it has ended, and nobody has asked how

    assert Path(f"/proc/{child.pid}").exists()
    assert not embedded._runs_in(child.pid, place.parent)
    child.wait()


def test_a_taken_port_is_named(place: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])

        with pytest.raises(ClusterError) as refused:
            Cluster(place, {"listen_addresses": "127.0.0.1", "port": port}).start()

    assert refused.value.message.code == "database-not-started"
    assert port in str(refused.value.message.params["detail"])


def test_two_clusters_need_no_two_ports(place: Path) -> None:
    one, two = Cluster(place, FORGETFUL).start(), Cluster(place.with_name("second"), FORGETFUL).start()

    assert running(one) != running(two)
    two.stop()


def test_data_of_another_version_are_refused(place: Path) -> None:
    cluster = Cluster(place)
    cluster.data.mkdir()
    (cluster.data / "PG_VERSION").write_text("12\n")

    with pytest.raises(ClusterError) as refused:
        cluster.start()

    assert refused.value.message.code == "database-version"
    assert refused.value.message.params["found"] == 12


def test_a_folder_too_deep_for_a_socket_gets_a_short_one(open_folder: Path) -> None:
    deep = open_folder / ("很深的文件夹" * 6)
    deep.mkdir()
    cluster = Cluster(deep / "postgres", FORGETFUL).start()

    assert len(str(cluster.sockets)) < 60
    assert asked(cluster, "select 1") == "1"
    cluster.release()
    shutil.rmtree(cluster.sockets)


@root_only
def test_a_socket_folder_prepared_by_a_stranger_is_refused(open_folder: Path) -> None:
    deep = open_folder / ("很深的文件夹" * 6)
    deep.mkdir()
    cluster = Cluster(deep / "postgres", FORGETFUL)
    cluster.sockets.rmdir()
    cluster.sockets.mkdir()
    os.chown(cluster.sockets, pwd.getpwnam("daemon").pw_uid, -1)

    with pytest.raises(ClusterError) as refused:
        Cluster(deep / "postgres", FORGETFUL)

    assert refused.value.message.code == "database-folder-not-ours"
    cluster.sockets.rmdir()


@root_only
def test_as_root_a_project_in_a_closed_folder_works_too(open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)

    cluster = Cluster(closed / "postgres", FORGETFUL).start()
    again = Cluster(closed / "postgres", FORGETFUL)

    assert (closed / "postgres").is_symlink()
    assert again.root == cluster.root
    assert cluster.root.parent == embedded.ROOTS_PLACE
    assert asked(cluster, "select 1") == "1"
    cluster.release()
    shutil.rmtree(cluster.root)


@root_only
def test_as_root_a_closed_folder_that_holds_data_is_told_so(open_folder: Path) -> None:
    closed = open_folder / "closed"
    (closed / "postgres").mkdir(parents=True)
    closed.chmod(0o700)

    with pytest.raises(ClusterError) as refused:
        Cluster(closed / "postgres", FORGETFUL)

    assert refused.value.message.code == "database-folder-unreachable"


@root_only
def test_as_root_programs_in_a_closed_folder_are_copied(open_folder: Path) -> None:
    closed = open_folder / "closed"
    package = find_binaries().parent.parent
    shutil.copytree(package, closed / package.name, symlinks=True)
    if (libraries := package.with_name(package.name + ".libs")).exists():
        shutil.copytree(libraries, closed / libraries.name)
    closed.chmod(0o700)

    cluster = Cluster(open_folder / "postgres", FORGETFUL, binaries=closed / package.name / "pginstall" / "bin").start()
    again = Cluster(open_folder / "postgres", FORGETFUL, binaries=closed / package.name / "pginstall" / "bin")

    assert cluster.binaries == again.binaries
    assert cluster.binaries.is_relative_to(open_folder)
    assert asked(cluster, "select 1") == "1"
    cluster.release()


@root_only
def test_a_normal_user_has_a_cluster_of_his_own(open_folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(open_folder, nobody.pw_uid, nobody.pw_gid)
    script = (
        "import os, sys, pathlib; from api.embedded import Cluster;"
        "c = Cluster(pathlib.Path(sys.argv[1])).start();"
        "print(os.geteuid(), c.run('psql', '-h', c.sockets, '-U', 'postgres', '-Atc', 'select 41 + 1').strip())"
    )

    done = subprocess.run(
        [python_for(nobody), "-c", script, str(open_folder / "mine")],
        user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], cwd="/", text=True, check=False,
        env={"PYTHONPATH": f"{PROJECT}:{find_binaries().parents[2]}", "PATH": os.environ["PATH"]}, capture_output=True,
    )  # fmt: skip

    assert done.stdout.split() == [str(nobody.pw_uid), "42"], done.stderr


def python_for(user: pwd.struct_passwd) -> str:
    """Return a Python that `user` can run: this run's own may stand in a closed home folder."""
    for program in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        question = [program, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        with contextlib.suppress(OSError):
            if subprocess.run(question, user=user.pw_uid, cwd="/", check=False).returncode == 0:
                return program
    pytest.skip("no Python of this machine is open to other users")


def test_a_program_that_fails_says_why(place: Path) -> None:
    with pytest.raises(ClusterError) as refused:
        Cluster(place, FORGETFUL).run("pg_ctl", "dance")

    assert refused.value.message.code == "database-program-failed"
    assert "dance" in str(refused.value.message.params["detail"])


def test_the_named_database_goes_before_the_embedded_one(open_folder: Path) -> None:
    with database(Settings(database_url="postgresql://elsewhere/db", home=open_folder)) as url:
        assert url == "postgresql://elsewhere/db"
    assert list(open_folder.iterdir()) == []

    with database(Settings(home=open_folder)) as url:
        assert url.startswith("postgresql+asyncpg://postgres@/lianzhou?host=")
        assert asked(Cluster(open_folder / "postgres"), "select current_database()", "lianzhou") == "lianzhou"
    assert Cluster(open_folder / "postgres").postmaster() is None
