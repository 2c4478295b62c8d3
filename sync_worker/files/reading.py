"""How the rows of an import are read, and what holds for all of them."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from services.fields.model import Use
from services.files.known import load_known
from services.files.model import ImportAsked
from services.files.plan import Rules
from services.files.rows import Known, RowReader
from services.persons.store import key_of
from shared.spreadsheets.model import Line
from sync_worker.files.work import Work

BLOCK = 2000
"""Rows in one transaction."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class Reading:
    reader: RowReader
    rules: Rules


def asked_of(asked: Mapping[str, Any]) -> ImportAsked:
    lists = {name: tuple(asked.get(name, ())) for name in ("tag_ids", "corp_tag_ids", "segment_ids")}
    return ImportAsked(**{**asked, **lists})


def known_to(work: Work) -> Known:
    region = work.runtime.settings.phone_region
    return work.transact(lambda c: load_known(c, work.tenant, region=region))


def make_reading(work: Work, mapping: Mapping[str, str], columns: Sequence[str], known: Known) -> Reading:
    asked = asked_of(work.job.asked)
    places = [(at, mapping[header]) for at, header in enumerate(columns) if header in mapping]
    reader = RowReader(places, columns=len(columns), known=known, key_of=lambda one: key_of(work.tenant, one))
    required = frozenset(key for key, one in known.fields.items() if one.required_of(Use.POOL))
    rules = Rules(
        asked.existing, asked.make, asked.pool, frozenset(asked.tag_ids), asked.source, asked.userid, required,
        frozenset(asked.corp_tag_ids), frozenset(asked.segment_ids),
    )  # fmt: skip
    return Reading(reader, rules)


def blocks_of(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while block := list(islice(lines, BLOCK)):
        yield block


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same, each made by a thread while the one before is worked on: PostgreSQL and we are busy at once."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        waiting = thread.submit(next, items, None)
        while (found := waiting.result()) is not None:
            waiting = thread.submit(next, items, None)
            yield found
