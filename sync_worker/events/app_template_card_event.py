"""A member pressed a button of a message card (template_card_event).

The press itself is what it says: nothing is to be read in WeCom. Its ResponseCode changes the card once.
Source: WeCom server API, messages and events of an app (page 90240). The options of a choice are spelled in two ways.
"""

from collections.abc import Iterator

from services.message_cards.model import Press
from shared.body import Value
from shared.ids import UserId
from sync_worker.events import LONGEST_ID, EventSpec, Fields, Key

LONGEST_CODE = 4096
MOST_QUESTIONS = 4
"""A card has three lists of choices at most; whatever else comes is not looked at."""


def targets(_fields: Fields) -> tuple[Key, ...]:
    return ()


def presses(fields: Fields) -> tuple[Press, ...]:
    return (
        Press(
            task_id=fields["TaskId"],
            key=fields["EventKey"],
            userid=UserId(fields["FromUserName"]),
            agent_id=fields["AgentID"],
            response_code=(fields.get("ResponseCode") or "")[:LONGEST_CODE],
            selected=dict(_chosen(fields.body.value("SelectedItems"))),
        ),
    )


def _chosen(items: Value | None) -> Iterator[tuple[str, str]]:
    """The first chosen option of each question."""
    for item in _each(items, "SelectedItem")[:MOST_QUESTIONS]:
        if not isinstance(item, dict):
            continue
        question = item.get("QuestionKey")
        options = item.get("OptionIds") or item.get("OpitonIds")
        chosen = next(iter([*_each(options, "OptionId"), *_each(options, "OpitonId")]), None)
        if isinstance(question, str) and isinstance(chosen, str) and max(len(question), len(chosen)) <= LONGEST_ID:
            yield question, chosen


def _each(parent: Value | None, name: str) -> list[Value]:
    found = parent.get(name) if isinstance(parent, dict) else None
    return found if isinstance(found, list) else [] if found is None else [found]


SPEC = EventSpec("template_card_event", "", targets, presses=presses)
