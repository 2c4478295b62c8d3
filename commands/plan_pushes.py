"""What `guanxi plan` tells of the other side: what is wanted here and still to be written to WeCom."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.bulk.model import Job, JobState
from services.bulk.store import load_jobs
from services.customers.model import CONTACT
from services.intents.model import IntentState
from services.intents.store import count_open, list_intents
from services.transfers.listing import count_open as count_transfers
from shared.runtime import Runtime
from shared.tenants import Tenant, may_push

OPEN = (IntentState.PENDING, IntentState.SENT)
MOST_JOBS = 100


@dataclass(frozen=True)
class Pushes:
    """`wishes`: all that are open, of which `kept` are told. `jobs`: bulk jobs that are not over."""

    observed_only: bool = False
    wishes: int = 0
    kept: Sequence[Mapping[str, Any]] = ()
    jobs: Sequence[Job] = ()
    transfers: int = 0


def load_pushes(runtime: Runtime, tenant: Tenant, *, subject: tuple[str, str] | None, limit: int) -> Pushes:
    """Of the corp, or wishes of one subject: (kind, key)."""
    with runtime.engine.begin() as connection:
        jobs = [] if subject else load_jobs(connection, tenant.id, limit=MOST_JOBS)
        return Pushes(
            observed_only=not may_push(connection, tenant.id),
            wishes=count_open(connection, tenant.id, subject=subject),
            kept=[dict(row) for row in list_intents(connection, tenant.id, states=OPEN, limit=limit, subject=subject)],
            jobs=[job for job in jobs if job.state in (JobState.RUNNING, JobState.PAUSED)],
            transfers=sum(count_transfers(connection, tenant.id).values()),
        )


def push_lines(found: Pushes) -> Iterator[str]:
    """What would be written, by whose wish; never what the texts say."""
    for row in found.kept:
        of = f"{row['subject_key']} / {row['userid']}" if row["subject_kind"] == CONTACT else "the corp's tags"
        done = "is written and not read back" if row["state"] == IntentState.SENT.value else "would be written to WeCom"
        yield f"{of}: {row['field']} {done}"
        why = f" ({row['reason']})" if row["reason"] else ""
        yield f"    why: {row['author']} ({row['source']}) wants it since {row['created_at']:%Y-%m-%d %H:%M} UTC{why}"
    if found.wishes > len(found.kept):
        yield f"… the newest {len(found.kept)} of what is wanted are shown (--limit; guanxi intents)"
    for job in found.jobs:
        yield f"bulk job {job.id} is {job.state.value}: {job.matched} relations so far (guanxi bulk show)"
    if found.transfers:
        yield f"handovers that have not ended: {found.transfers} (guanxi transfer list shows them)"
    if found.wishes:
        yield f"wished for here and not confirmed in WeCom yet: {found.wishes}"
    if found.observed_only and (found.wishes or found.jobs or found.transfers):
        yield "the corp is observed only: nothing of this is written until its file says `pushes = true`"


def pushes_as_json(found: Pushes) -> dict[str, Any]:
    names = ("id", "subject_kind", "subject_key", "userid", "field", "state", "author", "source", "reason", "pushes")
    return {
        "observed_only": found.observed_only,
        "wishes": found.wishes,
        "pushes": [{**{name: row[name] for name in names}, "since": row["created_at"]} for row in found.kept],
        "jobs": [{"id": job.id, "state": job.state.value, "relations": job.matched} for job in found.jobs],
        "transfers": found.transfers,
    }
