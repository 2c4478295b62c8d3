"""The embedded servers in ordinary life: start, stop, neighbours, other users, odd paths."""

import os
import pwd
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis

from shared.embedded import EmbeddedServerError, EmbeddedServers, running
from shared.embedded.account import Account, open_parents

Own = Callable[..., Any]


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_both_servers_answer_and_are_gone_after_the_stop(new_home: Path):
    """Servers live exactly as long as their owner keeps them."""
    with EmbeddedServers(new_home) as servers:
        pids = [servers.postgres_pid, servers.valkey_pid]
        assert query(servers.database_url, "SELECT current_database()") == [("guanxi",)]
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.ping()
        sockets = Path(servers.redis_url.removeprefix("unix://").partition("?")[0]).parent
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not sockets.exists()


def test_no_server_listens_on_tcp(home: Path):
    """There is no port to clash with and none to attack."""
    with EmbeddedServers(home) as servers:
        processes = [psutil.Process(servers.postgres_pid), psutil.Process(servers.valkey_pid)]
        assert [connection for process in processes for connection in process.net_connections("inet")] == []


def test_data_survives_a_stop_and_a_start(home: Path):
    """A committed row is there the next time."""
    with EmbeddedServers(home, valkey=False) as servers:
        query(servers.database_url, "CREATE TABLE kept AS SELECT '关系' AS word")
    with EmbeddedServers(home, valkey=False) as servers:
        assert query(servers.database_url, "SELECT word FROM kept") == [("关系",)]


def test_two_homes_run_side_by_side(home: Path):
    """Another home is another pair of servers."""
    with EmbeddedServers(home) as one, EmbeddedServers(home.with_name("other")) as other:
        query(one.database_url, "CREATE TABLE here ()")
        assert query(other.database_url, "SELECT to_regclass('here')") == [(None,)]
        assert one.redis_url != other.redis_url


def test_the_second_owner_of_a_home_is_told_who_the_first_is(home: Path, own: Own):
    """One owner per home, and the message says what to do."""
    owner = own()
    with pytest.raises(EmbeddedServerError, match=rf"already in use by process {owner.process.pid};.*GUANXI_HOME"):
        EmbeddedServers(home).start()
    assert psutil.pid_exists(owner.facts["postgres"])


def test_another_program_finds_the_servers_of_a_running_owner(home: Path, own: Own):
    """`running` gives the URLs while the owner lives, and nothing once it is gone."""
    assert running(home) is None
    owner = own()
    endpoints = running(home)
    assert endpoints is not None
    assert endpoints.database_url == owner.facts["database_url"]
    owner.kill(with_guards=False)
    assert running(home) is None


@pytest.mark.parametrize("name", ["a home 客户关系 数据 " + "x" * 180, 'it\'s "quoted", 100% & #1'])
def test_the_home_may_have_any_path(new_home: Path, name: str):
    """The length and the characters of the path do not matter."""
    with EmbeddedServers(new_home / name) as servers:
        assert query(servers.database_url, "SHOW data_directory") == [(str(new_home.resolve() / name / "postgres"),)]
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.config_get("dir") == {"dir": str(new_home.resolve() / name / "valkey")}


def test_a_path_that_postgresql_cannot_take_is_refused(new_home: Path):
    """The message names the limit before anything is made."""
    with pytest.raises(EmbeddedServerError, match="longer than PostgreSQL allows"):
        EmbeddedServers(new_home.joinpath(*["x" * 200] * 5)).start()


def test_a_socket_folder_of_somebody_else_is_refused(home: Path):
    """A name that another user took first in the shared folder is not trusted."""
    with EmbeddedServers(home, postgres=False) as servers:
        sockets = Path(servers.redis_url.removeprefix("unix://").partition("?")[0]).parent
    sockets.symlink_to(home)
    try:
        with pytest.raises(EmbeddedServerError, match="belongs to somebody else"):
            EmbeddedServers(home, postgres=False).start()
    finally:
        sockets.unlink()
    with EmbeddedServers(home, postgres=False):
        pass  # the failed start gave up the lock


def test_the_database_can_go_away_and_come_back(home: Path):
    """A stopped PostgreSQL stays stopped until it is started, and keeps its rows."""
    with EmbeddedServers(home, valkey=False) as servers:
        query(servers.database_url, "CREATE TABLE kept ()")
        servers.stop_postgres()
        assert servers.ensure_running() == ()
        with pytest.raises(psycopg.OperationalError):
            query(servers.database_url, "SELECT 1")
        servers.start_postgres()
        assert query(servers.database_url, "SELECT count(*) FROM kept") == [(0,)]


def test_a_second_thread_may_start_and_stop_too(home: Path):
    """A server started by a thread outlives the thread."""
    servers = EmbeddedServers(home)
    thread = threading.Thread(target=servers.start)
    thread.start()
    thread.join()
    try:
        assert query(servers.database_url, "SELECT 1") == [(1,)]
    finally:
        servers.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user; the other tests then run as one")
def test_an_ordinary_user_owns_servers_of_their_own(new_home: Path, own: Own):
    """No right is needed beyond writing the home."""
    nobody = pwd.getpwnam("nobody").pw_uid
    new_home.parent.chmod(0o777)
    owner = own(user=nobody)
    assert owner.facts["uid"] == nobody
    assert psutil.Process(owner.facts["postgres"]).uids().real == nobody
    assert owner.stop() == 0
    with EmbeddedServers(new_home) as servers:  # root keeps the folder's owner, so the user can come back
        assert psutil.Process(servers.postgres_pid).uids().real == nobody
    assert own(user=nobody).stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_root_opens_folders_for_passing_only(new_home: Path):
    """Folders above the data get o+x where it lacks, and no right to list them."""
    closed = new_home / "closed"
    closed.mkdir(parents=True)
    closed.chmod(0o700)
    new_home.chmod(0o755)
    account = Account(uid=65534, gid=65534, switch=True)
    assert open_parents(closed / "data", account) == (closed,)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o701
    assert open_parents(closed / "data", account) == ()
