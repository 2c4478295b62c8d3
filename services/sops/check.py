"""What is wrong with a rule as somebody wrote it, each with its place; and what becomes of it. Pure.

Steps keep their ids: what is passed stays passed, and a step whose time changes counts as new from then on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time

from services.sops.model import (
    LONGEST_CONTENT,
    LONGEST_DAYS,
    MOST_STEPS,
    OF_CHATS,
    OF_CUSTOMERS,
    Attachment,
    Audience,
    Exit,
    Spec,
    Step,
    Subject,
    Trigger,
    Ways,
)
from services.sops.saying import VARIABLES, unknown_in

Problem = tuple[str, str]
NEEDS: Mapping[str, tuple[str, ...]] = {
    "tag": ("tag_id",),
    "stage": ("stage_id",),
    "no_contact": ("days",),
    "event": ("event",),
    "date": ("day",),
    "yearly": ("field",),
}
MAY_HAVE: Mapping[str, tuple[str, ...]] = {"yearly": ("days_before",)}
_GIVEN = ("tag_id", "stage_id", "event", "days", "day", "field", "days_before")


@dataclass(frozen=True)
class StepDraft:
    """A step as it is sent; `id` None: a new one."""

    id: int | None
    content: str = field(repr=False)
    after_minutes: int | None = None
    day: int | None = None
    at: time | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def timing(self) -> tuple[object, ...]:
        return self.after_minutes, self.day, self.at


@dataclass(frozen=True)
class Draft:
    """A rule as it is sent."""

    subject: Subject
    trigger: Trigger
    audience: Audience
    steps: tuple[StepDraft, ...]
    exits: tuple[Exit, ...] = ()
    ways: Ways = field(default_factory=Ways)


def problems_of(draft: Draft, known: Spec | None) -> list[Problem]:
    """(JSON pointer into the rule, reason), in its order. `known`: the rule as it stands, where it is edited."""
    return [
        *_of_trigger(draft),
        *_of_audience(draft),
        *_of_steps(draft, known),
        *_of_exits(draft),
    ]


def _of_trigger(draft: Draft) -> Iterator[Problem]:
    kind, given = draft.trigger.kind, draft.trigger
    kinds = OF_CUSTOMERS if draft.subject == "customer" else OF_CHATS
    if kind not in kinds:
        yield "/trigger/kind", f"rules about {draft.subject}s have one of {', '.join(sorted(kinds))}"
        return
    for name in NEEDS.get(kind, ()):
        if getattr(given, name) is None:
            yield f"/trigger/{name}", f"a trigger of kind {kind} has one"
    for name in _GIVEN:
        if getattr(given, name) and name not in (*NEEDS.get(kind, ()), *MAY_HAVE.get(kind, ())):
            yield f"/trigger/{name}", f"a trigger of kind {kind} has none"


def _of_audience(draft: Draft) -> Iterator[Problem]:
    audience = draft.audience
    if draft.subject == "chat" and audience.filter is not None:
        yield "/audience/filter", "finds customers; chats are chosen by userids, outlet_ids, chat_ids and folder_ids"
    if draft.subject == "customer":
        for name in ("chat_ids", "folder_ids"):
            if getattr(audience, name):
                yield f"/audience/{name}", "chooses chats; customers are found by filter, userids and outlet_ids"
    if audience.is_empty and draft.trigger.kind != "by_hand":
        everybody = (
            "a filter without groups is everybody" if draft.subject == "customer" else "the first outlet has all"
        )
        yield "/audience", f"is empty: nobody would be meant ({everybody})"


def _of_steps(draft: Draft, known: Spec | None) -> Iterator[Problem]:
    if not 1 <= len(draft.steps) <= MOST_STEPS:
        yield "/steps", f"a rule has 1 to {MOST_STEPS} steps"
    ids, times = dict[int, int](), dict[tuple[object, ...], int]()
    for n, step in enumerate(draft.steps):
        place = f"/steps/{n}"
        if step.id is not None:
            if known is None or known.step(step.id) is None:
                yield f"{place}/step_id", "this rule has no such step; a new step is sent without an id"
            if ids.setdefault(step.id, n) != n:
                yield f"{place}/step_id", f"stands at /steps/{ids[step.id]} already"
        yield from _of_timing(step, place)
        if times.setdefault(step.timing, n) != n:
            yield place, f"is due at the same time as /steps/{times[step.timing]}: make one of both, or set them apart"
        yield from _of_content(draft, step, f"{place}/content")


def _of_timing(step: StepDraft, place: str) -> Iterator[Problem]:
    if (step.after_minutes is None) == (step.day is None) or (step.day is None) != (step.at is None):
        yield place, "is due either `after` the start, or on a `day` `at` a clock time"
    if step.after_minutes is not None and step.after_minutes < 0:
        yield f"{place}/after", "a step comes after the trigger (for days before a date, the trigger has days_before)"
    if step.day is not None and step.day < 0:
        yield f"{place}/day", "a step comes after the trigger; its own day is 0"
    if max(step.day or 0, (step.after_minutes or 0) / 1440) > LONGEST_DAYS:
        yield place, f"is more than {LONGEST_DAYS} days after the start"


def _of_content(draft: Draft, step: StepDraft, place: str) -> Iterator[Problem]:
    if not step.content.strip():
        yield place, "is empty"
    if len(step.content) > LONGEST_CONTENT:
        yield place, f"has more than {LONGEST_CONTENT:,} characters"
    for name in unknown_in(step.content):
        yield place, f"{{{name}}} is no variable; there are {', '.join(f'{{{one}}}' for one in VARIABLES)}"
    for name in sorted(_strange(draft)):
        if f"{{{name}}}" in step.content:
            yield place, f"{{{name}}} says nothing in this rule"


def _strange(draft: Draft) -> set[str]:
    """Variables that would stay empty."""
    if draft.subject == "customer":
        return {"chat"}
    return {"stage"} if draft.trigger.kind in ("member_joined", "event", "purchase") else {"stage", "customer"}


def _of_exits(draft: Draft) -> Iterator[Problem]:
    if draft.exits and draft.subject == "chat":
        yield "/exits", "are for rules about customers; a chat ends when it is dismissed"
    for n, one in enumerate(draft.exits):
        for name, kinds in (("tag_id", ("tag_gained", "tag_lost")), ("stage_id", ("stage",))):
            if (getattr(one, name) is not None) != (one.kind in kinds):
                yield f"/exits/{n}/{name}", f"an exit of kind {one.kind} has {'one' if one.kind in kinds else 'none'}"


def spec_of(draft: Draft, known: Spec | None, *, last_step_id: int, now: datetime) -> tuple[Spec, int]:
    """The rule without problems as it is kept, and the last id that a step of it has had."""
    steps = []
    for one in draft.steps:
        before = known.step(one.id) if known is not None and one.id is not None else None
        last_step_id += before is None
        steps.append(
            Step(
                before.id if before else last_step_id,
                one.content,
                before.since if before and before.timing == one.timing else now,
                one.after_minutes,
                one.day,
                one.at,
                one.attachments,
            )
        )
    return Spec(draft.trigger, draft.audience, tuple(steps), draft.exits, draft.ways), last_step_id


def signals_of(spec: Spec) -> frozenset[str]:
    """What a rule waits for, as marks name it: to bring somebody in, or to end."""
    return frozenset(one for one in (entrance_of(spec.trigger), *map(exit_signal, spec.exits)) if one)


def entrance_of(trigger: Trigger) -> str | None:
    """None: a day or a person brings them in."""
    match trigger.kind:
        case "tag":
            return f"tag:{trigger.tag_id}"
        case "stage":
            return f"stage:{trigger.stage_id}"
        case "event":
            return f"event:{trigger.event}"
        case "friend" | "purchase" | "chat_created" | "member_joined":
            return trigger.kind
        case _:
            return None


def exit_signal(one: Exit) -> str:
    match one.kind:
        case "tag_gained":
            return f"tag:{one.tag_id}"
        case "tag_lost":
            return f"untag:{one.tag_id}"
        case "stage":
            return f"stage:{one.stage_id}"
        case "friendship_lost":
            return "lost"
        case "blacklisted":
            return "blacklisted"
