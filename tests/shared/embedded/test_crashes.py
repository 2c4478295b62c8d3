"""The embedded servers after a crash: the next start works, whatever was left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from shared.embedded import EmbeddedServerError, EmbeddedServers

Own = Callable[..., Any]
Lives = Callable[[int], bool]
Eventually = Callable[..., bool]


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_servers_end_soon_after_their_owner_is_killed(own: Own, eventually: Eventually, lives: Lives):
    """A kill -9 of the owner leaves nothing running."""
    owner = own()
    owner.kill(with_guards=False)
    assert eventually(lambda: not any(lives(owner.facts[name]) for name in ("postgres", "valkey")))


@pytest.mark.parametrize("with_guards", [False, True], ids=["owner killed", "owner and guards killed"])
def test_a_new_owner_takes_over_after_a_kill(home: Path, own: Own, lives: Lives, with_guards: bool):
    """Servers that outlived their owner are ended, and committed rows are kept."""
    owner = own()
    query(owner.facts["database_url"], "CREATE TABLE kept AS SELECT 7 AS number")
    owner.kill(with_guards=with_guards)
    if with_guards:
        assert lives(owner.facts["postgres"])
    with EmbeddedServers(home) as servers:
        assert query(servers.database_url, "SELECT number FROM kept") == [(7,)]
        assert not lives(owner.facts["postgres"])
        assert not lives(owner.facts["valkey"])


def test_a_home_moved_under_a_running_orphan_is_taken_over(home: Path, own: Own, lives: Lives):
    """An orphan is found by the folder it works on, also under the folder's new name."""
    owner = own()
    owner.kill(with_guards=True)
    moved = home.rename(home.with_name("moved"))
    with EmbeddedServers(moved) as servers:
        assert query(servers.database_url, "SELECT 1") == [(1,)]
        assert not lives(owner.facts["postgres"])


def test_a_backend_that_is_busy_when_all_is_killed_does_not_block_the_next_start(home: Path, own: Own, lives: Lives):
    """Orphaned backends hold the shared memory; they are ended first."""
    owner = own()
    address = owner.facts["database_url"].replace("+psycopg", "")
    busy = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import psycopg, sys; psycopg.connect(sys.argv[1]).execute(sys.argv[2])",
            address,
            "SELECT count(*) FROM generate_series(1, 10000000000)",
        ],
        stderr=subprocess.DEVNULL,
    )
    while not query(address, "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"):
        pass
    owner.kill(with_guards=True)
    os.kill(owner.facts["postgres"], signal.SIGKILL)
    with EmbeddedServers(home, valkey=False) as servers:
        assert query(servers.database_url, "SELECT 1") == [(1,)]
        assert not lives(owner.facts["valkey"])  # ended too, though the new owner wants none
    busy.wait(20)


def test_a_stale_pid_file_is_not_believed(home: Path):
    """A pid in `postmaster.pid` may be anybody's after a crash, even that of another server of the same account."""
    with EmbeddedServers(home, valkey=False) as servers:
        sockets = Path(servers.database_url.partition("host=")[2].partition("&")[0])
    with EmbeddedServers(home.with_name("neighbour"), postgres=False) as neighbour:
        for pid in (neighbour.valkey_pid, os.getpid(), 1, 2**22 - 1):
            stale = f"{pid}\n{home / 'postgres'}\n1700000000\n5432\n{sockets}\n\n  5432001 98305\nready\n"
            (home / "postgres" / "postmaster.pid").write_text(stale)
            sockets.mkdir(mode=0o700)
            for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
                (sockets / name).write_text(stale)
            with EmbeddedServers(home, valkey=False) as servers:
                assert query(servers.database_url, "SELECT 1") == [(1,)]
        with redis.Redis.from_url(neighbour.redis_url) as client:
            assert client.ping()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_initdb_interrupted_in_the_middle_is_repeated(new_home: Path, eventually: Eventually, number: signal.Signals):
    """An unfinished data folder never gets the name of a finished one."""
    # SIGINT may be ignored where the tests were started in the background, and a child would inherit that.
    code = (
        "import pathlib, signal, sys, shared.embedded as e; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "e.EmbeddedServers(pathlib.Path(sys.argv[1])).start()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(new_home)], cwd=Path(__file__).parents[3], stderr=subprocess.DEVNULL
    )
    assert eventually(lambda: any(new_home.glob("postgres.new-*/PG_VERSION")))
    owner.send_signal(number)
    owner.wait()
    assert not (new_home / "postgres").exists()
    with EmbeddedServers(new_home, valkey=False) as servers:
        assert query(servers.database_url, "SELECT 1") == [(1,)]
    assert not list(new_home.glob("postgres.new-*"))


def test_an_unfinished_data_folder_is_set_aside(new_home: Path):
    """A folder that somebody else's initdb left unfinished does not stop us; nothing in it is deleted."""
    (new_home / "postgres" / "base" / "1").mkdir(parents=True)
    (new_home / "postgres" / "PG_VERSION").write_text("18\n")
    with EmbeddedServers(new_home, valkey=False) as servers:
        assert query(servers.database_url, "SELECT 1") == [(1,)]
    assert len(list(new_home.glob("postgres.unfinished-*/postgres/PG_VERSION"))) == 1


def test_a_damaged_database_is_not_replaced_by_an_empty_one(new_home: Path):
    """Where rows may be, we stop and say so."""
    (new_home / "postgres" / "base" / "16384").mkdir(parents=True)
    with pytest.raises(EmbeddedServerError, match="restore it from a backup"):
        EmbeddedServers(new_home, valkey=False).start()


def test_a_killed_server_is_started_again(home: Path):
    """`ensure_running` repairs what died, and says what that was."""
    with EmbeddedServers(home) as servers:
        query(servers.database_url, "CREATE TABLE kept ()")
        servers.kill_postgres()
        assert servers.ensure_running() == ("postgres",)
        assert query(servers.database_url, "SELECT count(*) FROM kept") == [(0,)]
        servers.kill_valkey()
        assert servers.ensure_running() == ("valkey",)
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.ping()
        assert servers.ensure_running() == ()


def test_a_server_whose_socket_was_deleted_is_started_again(home: Path):
    """Something that cleans the folder for temporary files does not cut us off."""
    with EmbeddedServers(home, postgres=False) as servers:
        Path(servers.redis_url.removeprefix("unix://").partition("?")[0]).unlink()
        assert servers.ensure_running() == ("valkey",)
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.ping()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(home: Path):
    """The message carries what PostgreSQL said, and the home is free again."""
    with EmbeddedServers(home, valkey=False):
        pass
    settings = home / "postgres" / "postgresql.conf"
    intact = settings.read_text()
    settings.write_text("no_such_setting = 1\n")
    with pytest.raises(EmbeddedServerError, match="no_such_setting"):
        EmbeddedServers(home, valkey=False).start()
    settings.write_text(intact)
    with EmbeddedServers(home, valkey=False) as servers:
        assert query(servers.database_url, "SELECT 1") == [(1,)]
