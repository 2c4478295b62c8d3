"""The schema is brought up to date from anything, by anybody, as often as they like."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from commands.waiting import wait_for
from shared.db.engine import fetch_all, make_engine
from shared.db.migrate import DAYS_AHEAD, DAYS_BEHIND, make_inbox_partitions, migrate
from shared.embedded import EmbeddedServers
from tests.conftest import database_url_of
from tests.shared.arrivals import NOON, arrival, store

VERSIONS = Path(__file__).resolve().parents[3] / "shared/db/migrations/versions"


@pytest.fixture
def empty(servers: EmbeddedServers) -> Iterator[Engine]:
    """A database that nobody has migrated."""
    name = f"empty_{os.getpid()}"
    admin = make_engine(servers.database_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"create database {name}"))
        made = make_engine(database_url_of(servers, name))
        yield made
        made.dispose()
        connection.execute(text(f"drop database {name} with (force)"))
    admin.dispose()


def days(engine: Engine) -> list[date]:
    with engine.connect() as connection:
        rows = fetch_all(connection, "select inhrelid::regclass::text as name from pg_inherits "
                         "where inhparent = 'inbox'::regclass order by 1")  # fmt: skip
    names = [row["name"] for row in rows if row["name"] != "inbox_default"]
    return [datetime.strptime(name, "inbox_%Y%m%d").replace(tzinfo=UTC).date() for name in names]


def test_an_empty_database_gets_schema_and_partitions(empty: Engine):
    """One partition for each day around today, and a default for all the others."""
    migrate(empty, now=NOON)
    today = NOON.date()
    assert days(empty) == [today + timedelta(days=n) for n in range(-DAYS_BEHIND, DAYS_AHEAD + 1)]
    assert store(empty, [arrival(), arrival(b"<b/>", at=None)]) == 2


def test_migrating_again_changes_nothing_but_the_days(empty: Engine):
    """It runs at every start; a later start adds the days that are missing."""
    migrate(empty, now=NOON)
    store(empty, [arrival()])
    migrate(empty, now=NOON)
    before = days(empty)
    migrate(empty, now=NOON + timedelta(days=2))
    assert days(empty) == [*before, before[-1] + timedelta(days=1), before[-1] + timedelta(days=2)]
    assert store(empty, [arrival()]) == 0


def test_two_that_start_together_take_turns(empty: Engine):
    """Every process of an installation may migrate at its start."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: migrate(empty, now=NOON), range(4)))
    assert len(days(empty)) == DAYS_BEHIND + DAYS_AHEAD + 1


def test_rows_in_the_default_partition_move_to_their_new_day(engine: Engine):
    """An event that came before its day's partition was made is still the same event afterwards."""
    later = NOON.replace(year=2050)
    early, other = arrival(b"<a/>", at=later), arrival(b"<b/>", at=later + timedelta(days=DAYS_AHEAD + 1))
    assert store(engine, [early, other]) == 2
    with engine.begin() as connection:
        before = {row["id"]: row for row in fetch_all(connection, "select * from inbox")}
        assert make_inbox_partitions(connection, today=later.date()) == DAYS_BEHIND + DAYS_AHEAD + 1
    with engine.begin() as connection:
        rows = fetch_all(connection, "select tableoid::regclass::text as place, * from inbox order by digest = :d desc",
                         d=early.digest)  # fmt: skip
        assert [row["place"] for row in rows] == [f"inbox_{later:%Y%m%d}", "inbox_default"]
        assert {row["id"]: {k: v for k, v in row.items() if k != "place"} for row in rows} == before
    assert store(engine, [early, other]) == 0


def test_a_new_day_keeps_the_key_and_the_defaults_of_the_inbox(engine: Engine):
    """A partition that was made by hand has the same unique key, index and sequence."""
    later = NOON.replace(year=2050)
    with engine.begin() as connection:
        make_inbox_partitions(connection, today=later.date())
    assert store(engine, [arrival(at=later)]) == 1
    assert store(engine, [arrival(at=later)]) == 0
    with engine.connect() as connection:
        (row,) = fetch_all(connection, "select id, state from inbox")
        indexes = fetch_all(
            connection, "select indexdef from pg_indexes where tablename = :t", t=f"inbox_{later:%Y%m%d}"
        )
    assert (row["id"] > 0, row["state"]) == (True, "new")
    assert len(indexes) == 2


def test_what_a_revision_has_locked_is_free_before_the_next(empty: Engine):
    """Each commits by itself: one that waits for long keeps nobody from what the ones before it have changed."""
    migrate(empty, now=NOON)
    with empty.begin() as connection:
        (last,) = connection.execute(text("select version_num from alembic_version")).scalars()
        times = "select count(distinct xmin::text) from pg_class where relname in ('tenant', 'webhook_endpoint')"
        assert connection.execute(text(times)).scalar() == 2
        assert connection.execute(text("show lock_timeout")).scalar() == "0"
    assert last == max(path.stem for path in VERSIONS.glob("2*.py"))


def test_counting_steps_anew_waits_for_a_look_that_is_under_way(engine: Engine):
    """The look has locked somebody on the way and added a step, and then says when to look again: neither fails."""
    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "20261123_1311_post_outbox_ways")
        connection.commit()
    with ThreadPoolExecutor(1) as pool, engine.connect() as look:
        look.execute(
            text(
                "insert into sop_enrolment (tenant_id, rule_id, customer_id, source_key, anchor_at, entered_at, "
                "entered_by, version) values (1, 1, 1, 'x', now(), now(), 'rule', 0)"
            )
        )
        look.commit()
        look.execute(text("select from sop_enrolment where state = 'running' for update skip locked"))
        look.execute(
            text(
                "insert into sop_progress (tenant_id, enrolment_id, step_id, rule_id, state, due_at) "
                "select tenant_id, id, 1, rule_id, 'reminded', now() from sop_enrolment"
            )
        )
        migrating = pool.submit(migrate, engine, now=NOON)
        wait_for(lambda: waits_for_a_table(engine), "the migration")
        look.execute(text("update sop_enrolment set version = 1 where tenant_id = 1"))
        look.commit()
        migrating.result(30)
        rows = look.execute(text("select step_id, state, n from sop_tally order by 1")).all()
    assert [tuple(row) for row in rows] == [(0, "running", 1), (1, "reminded", 1)]


def waits_for_a_table(engine: Engine) -> bool:
    sql = "select from pg_locks where not granted and locktype = 'relation'"
    with engine.connect() as connection:
        return bool(connection.execute(text(sql)).all())
