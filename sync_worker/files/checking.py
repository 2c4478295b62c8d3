"""The check of an import: the whole file is read as if it were imported, and nothing is written."""

from collections.abc import Sequence
from typing import Any

from services.files.blocks import load_known as load_persons
from services.files.jobs import end
from services.files.mapping import propose
from services.files.model import (
    MOST_SHOWN,
    OUTCOMES,
    Failure,
    FileRefusedError,
    ImportAsked,
    Row,
    State,
    check_mapping,
)
from services.files.plan import BlockPlan, plan_block
from services.files.rows import Known
from shared.ids import CustomerId
from shared.spreadsheets.model import Table, UnreadableError
from sync_worker.files.reading import Reading, ahead, asked_of, blocks_of, known_to, make_reading
from sync_worker.files.work import Work


class _AskedError(FileRefusedError):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def check(work: Work) -> None:
    """Say what would come of the import; the job then waits for a person."""
    try:
        with work.table() as (_, table):
            found, total = _check(work, table)
    except UnreadableError as error:
        work.fail(error.code, **error.values)
        return
    problem = found.pop("problem", None)
    now = work.runtime.clock.now()
    work.transact(
        lambda c: end(c, work.tenant, work.job, State.CHECKED, now=now, found=found, problem=problem, total=total)
    )


def _check(work: Work, table: Table) -> tuple[dict[str, Any], int]:
    """What is shown of the check, and the number of rows."""
    asked, columns, known = asked_of(work.job.asked), table.header.cells, known_to(work)
    mapping = dict(asked.mapping or propose(columns, {key: one.name for key, one in known.fields.items()}))
    found: dict[str, Any] = {"columns": columns, "mapping": mapping, "problems": [], "counts": {}, "repeated": 0}
    try:
        _check_asked(asked, known)
        check_mapping(mapping, columns, list(known.fields))
    except FileRefusedError as error:
        code = error.code if isinstance(error, _AskedError) else "mapping" if asked.mapping else "no_mapping"
        return found | {"problem": {"code": code, "why": str(error)}}, 0
    reading = make_reading(work, mapping, columns, known)
    counts = dict.fromkeys(OUTCOMES, 0)
    total, seen = 0, set[int]()
    for rows in ahead([reading.reader.read(line) for line in lines] for lines in blocks_of(table.lines)):
        block = _look(work, reading, rows)
        total += len(rows)
        for name, count in block.counts.items():
            counts[name] += count
        found["repeated"] += _repeated(block, seen)
        found["problems"] += [one.shown for one in block.failures[: MOST_SHOWN - len(found["problems"])]]
        work.still_mine()
    counts["made"] -= found["repeated"]
    return found | {"counts": counts}, total


def _check_asked(asked: ImportAsked, known: Known) -> None:
    if not set(asked.tag_ids) <= set(known.tags.values()):
        raise _AskedError("tag")
    if not set(asked.corp_tag_ids) <= set(known.corp_tags.values()):
        raise _AskedError("wecom_tag")
    if not set(asked.segment_ids) <= set(known.segments.values()):
        raise _AskedError("segment")
    if asked.userid is not None and known.associates.get(asked.userid) != asked.userid:
        raise _AskedError("associate")


def _look(work: Work, reading: Reading, rows: Sequence[Row | Failure]) -> BlockPlan:
    with work.runtime.engine.connect() as connection:
        persons = load_persons(connection, work.tenant, rows, locked=False)
    provisional = (CustomerId(-n) for n in range(1, len(rows) + 1))
    return plan_block(rows, persons, reading.rules, new_ids=provisional)


def _repeated(block: BlockPlan, seen: set[int]) -> int:
    """How many of those who would be made are in an earlier block already, by any identity."""
    repeated = 0
    for one in block.persons:
        if one.made:
            tokens = {int.from_bytes(token[:8]) for _, token in one.added}
            repeated += not tokens.isdisjoint(seen)
            seen |= tokens
    return repeated
