"""What each corp is reminded of by the clock: digests of deletions, days in stages, silence, leavers' last days."""

from dataclasses import replace
from typing import Any

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_timely import DaysIn, DeletionsIn, LeaversIn, Mode, ReminderKindsBody, SilenceIn
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_timely import ReminderKindsOut
from services.notices.model import DELETIONS_OF_DAY, RELATION_DELETED, USUAL
from services.reminders.model import NOT_KNOWN, Wish
from services.reminders.store import load_policy, record_wish
from services.stages.store import find_stage, load_lines
from services.watching.clocks import load_watches, record_watches
from services.watching.model import CustomerNotContacted, CustomerStageOverstayed, DeletionsOfDay, LeaverDeadline, Watch
from shared.api_keys import Scope
from shared.audit import Change

GROUP = "reminders"
MODES: dict[Mode, tuple[bool, bool]] = {
    "off": (False, False),
    "each": (True, False),
    "digest": (False, True),
    "both": (True, True),
}
"""Whether each deletion, and the digest of a day, is told."""


@operation("get", "/reminders/kinds", Scope.REMINDERS_READ, ReminderKindsOut, group=GROUP)
def show_reminder_kinds() -> Response:
    """Show what the corp is reminded of by the clock, and when; what was not set is as usual."""
    return read(_shown)


@operation("put", "/reminders/kinds", Scope.REMINDERS_WRITE, ReminderKindsOut, group=GROUP)
def set_reminder_kinds(body: ReminderKindsBody) -> Response:
    """Set all of it; what is left out is as usual, and stages that are left out are not looked at any more."""

    def work(work: Work) -> Done:
        before = _shown(work).model_dump(mode="json")
        lines = load_lines(work.connection, work.tenant)
        watches = _watches(body)
        for one in watches:
            if one.stage_id != NOT_KNOWN:
                find_stage(lines, one.stage_id)
        record_watches(work.connection, work.tenant, watches, by=caller().actor, now=work.now)
        _switch_deletions(work, body.deletions)
        after = _shown(work)
        change = Change("reminder_kinds.set", "reminders", "kinds", before, after.model_dump(mode="json"))
        return Done(after, 200, (change,))

    return write(work)


def _watches(body: ReminderKindsBody) -> list[Watch]:
    return [
        Watch(DeletionsOfDay.TYPE, hour=body.deletions.hour),
        Watch(LeaverDeadline.TYPE, hour=body.leavers.hour, days=tuple(body.leavers.days_before)),
        *(_watch(CustomerStageOverstayed.TYPE, one) for one in body.stages),
        *(_watch(CustomerNotContacted.TYPE, one) for one in body.silence),
    ]


def _watch(kind: str, one: DaysIn | SilenceIn) -> Watch:
    return Watch(kind, one.stage_id or NOT_KNOWN, one.hour, (one.days,), one.every_days)


def _switch_deletions(work: Work, asked: DeletionsIn) -> None:
    """All else that was set of these switches stays."""
    policy = load_policy(work.connection, work.tenant.id)
    for notice, enabled in zip((RELATION_DELETED, DELETIONS_OF_DAY), MODES[asked.mode], strict=True):
        wish = replace(policy.wishes.get((notice, NOT_KNOWN), Wish()), enabled=enabled)
        record_wish(work.connection, work.tenant.id, notice, NOT_KNOWN, wish, by=caller().actor, now=work.now)


def _shown(work: Work) -> ReminderKindsOut:
    policy = load_policy(work.connection, work.tenant.id)
    told = tuple(policy.switch(one, USUAL[one]).enabled for one in (RELATION_DELETED, DELETIONS_OF_DAY))
    watches = load_watches(work.connection, work.tenant.id)
    by_kind = {one.kind: one for one in watches}
    leavers = by_kind[LeaverDeadline.TYPE]
    return ReminderKindsOut(
        deletions=DeletionsIn(
            mode=next(mode for mode, both in MODES.items() if both == told), hour=by_kind[DeletionsOfDay.TYPE].hour
        ),
        leavers=LeaversIn(days_before=list(leavers.days), hour=leavers.hour),
        stages=[DaysIn(**_days(one)) for one in watches if one.kind == CustomerStageOverstayed.TYPE],
        silence=[SilenceIn(**_days(one)) for one in watches if one.kind == CustomerNotContacted.TYPE],
    )


def _days(one: Watch) -> dict[str, Any]:
    return {
        "stage_id": one.stage_id or None,
        "days": one.days[0],
        "every_days": one.every_days,
        "hour": one.hour,
    }
