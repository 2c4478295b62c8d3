"""What a member can press on a card, and what the callback says of it.

Source: WeCom server API, messages and events of an app (page 90240).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.acting import ImpossibleError
from simulator.events import Fields
from simulator.messages.cards import BUTTONS, MULTIPLE, VOTE

CARD_EVENT, MENU_EVENT = "template_card_event", "template_card_menu_event"


@dataclass(frozen=True)
class Click:
    """`selected` are (question key, option ids)."""

    event: str
    key: str
    task_id: str
    card_type: str
    selected: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def fields(self, code: str) -> Fields:
        fields: Fields = (
            ("EventKey", self.key),
            ("TaskId", self.task_id),
            ("CardType", self.card_type),
            ("ResponseCode", code),
        )
        if not self.selected:
            return fields
        items: Fields = tuple(("SelectedItem", _selected_item(*item)) for item in self.selected)
        return (*fields, ("SelectedItems", items))


def _selected_item(question: str, options: tuple[str, ...]) -> Fields:
    ids: Fields = tuple(("OptionId", option) for option in options)
    return (("QuestionKey", question), ("OptionIds", ids))


def click(face: dict[str, Any], key: str, selected: Mapping[str, Any]) -> Click:
    """ImpossibleError when the card as it looks now has no such button, or no such choice."""
    ids = str(face.get("task_id") or ""), face["card_type"]
    if key in _keys(face.get("action_menu", {}).get("action_list", [])):
        return Click(MENU_EVENT, key, *ids)
    if "button" in face or "replace_text" in face:
        raise ImpossibleError("the card's buttons were replaced")
    if key not in _pressable(face):
        raise ImpossibleError(f"the card has no button {key!r}")
    return Click(CARD_EVENT, key, *ids, selected=_choices(face, selected))


def _keys(items: list[dict[str, Any]]) -> list[str]:
    return [item["key"] for item in items]


def _pressable(face: dict[str, Any]) -> list[str]:
    """Keys that call back; a button that opens an address does not."""
    if face["card_type"] == BUTTONS:
        return _keys([item for item in face["button_list"] if item.get("type", 0) == 0])
    return [face["submit_button"]["key"]] if face["card_type"] in {VOTE, MULTIPLE} else []


def _choices(face: dict[str, Any], selected: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What was chosen, and where nothing was, what the card came with."""
    questions = _questions(face)
    unknown = selected.keys() - questions.keys()
    if unknown:
        raise ImpossibleError(f"the card does not ask {min(unknown)!r}")
    return tuple((question, _chosen(asked, selected.get(question))) for question, asked in questions.items())


def _questions(face: dict[str, Any]) -> dict[str, dict[str, Any]]:
    asked = [face.get("button_selection"), face.get("checkbox"), *face.get("select_list", [])]
    return {item["question_key"]: item for item in asked if item}


def _chosen(asked: dict[str, Any], told: Any) -> tuple[str, ...]:
    options = [item["id"] for item in asked["option_list"]]
    if told is None:
        checked = tuple(item["id"] for item in asked["option_list"] if item.get("is_checked"))
        chosen: tuple[str, ...] = (asked["selected_id"],) if "selected_id" in asked else checked
    else:
        chosen = (told,) if isinstance(told, str) else tuple(told)
    if any(option not in options for option in chosen):
        raise ImpossibleError(f"no such option of {asked['question_key']!r}")
    if len(chosen) != 1 and asked.get("mode", 0) == 0:
        raise ImpossibleError(f"{asked['question_key']!r} takes one option")
    return chosen
