"""Template cards: which parts a kind of card has, and what WeCom refuses.

A card is the vendor's object as it is. What only looks bad (a title of 40 characters) is let through.
Source: WeCom server API, page 90372.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Card = Mapping[str, Any]
KEY_BYTES, ID_BYTES = 1024, 128
_TASK_ID = re.compile(r"[0-9A-Za-z_\-@]{1,128}")
_OPENS_PAGE, _OPENS_PROGRAM = 1, 2


@dataclass(frozen=True)
class _Kind:
    """`one_of`: sets of parts of each of which a card needs one."""

    required: frozenset[str]
    optional: frozenset[str]
    one_of: tuple[frozenset[str], ...] = ()


def _kind(required: str, optional: str, *one_of: str) -> _Kind:
    return _Kind(frozenset(required.split()), frozenset(optional.split()), tuple(frozenset(o.split()) for o in one_of))


_KINDS = {
    "text_notice": _kind(
        "card_action",
        "source action_menu task_id main_title emphasis_content quote_area sub_title_text horizontal_content_list "
        "jump_list",
        "main_title sub_title_text",
    ),
    "news_notice": _kind(
        "main_title card_action",
        "source action_menu task_id quote_area image_text_area card_image vertical_content_list "
        "horizontal_content_list jump_list",
        "image_text_area card_image",
    ),
    "button_interaction": _kind(
        "task_id main_title button_list",
        "source action_menu quote_area sub_title_text horizontal_content_list card_action button_selection",
    ),
    "vote_interaction": _kind("task_id main_title checkbox submit_button", "source"),
    "multiple_interaction": _kind("task_id main_title select_list submit_button", "source"),
}
_SIZES = {
    "vertical_content_list": (0, 4),
    "horizontal_content_list": (0, 6),
    "jump_list": (0, 3),
    "button_list": (1, 6),
    "select_list": (1, 3),
}


def checked_card(card: Card) -> Card:
    """The same card.

    Raises:
        ValueError: it has a part that its kind has not, lacks one that it needs, or one is too long or not unique.
    """
    kind = _KINDS.get(str(card.get("card_type")))
    if kind is None:
        raise ValueError(f"card_type is none of {', '.join(_KINDS)}")
    _check_parts(card, kind)
    task_id = card.get("task_id")
    _need(task_id is None or (isinstance(task_id, str) and bool(_TASK_ID.fullmatch(task_id))), "task_id")
    for part, (least, most) in _SIZES.items():
        if part in card:
            _size(part, card[part], least, most)
    for part, check in _PARTS.items():
        if part in card:
            check(card[part])
    if "card_action" in kind.required:
        _need(card["card_action"].get("type") in (_OPENS_PAGE, _OPENS_PROGRAM), "card_action.type")
    return card


def _check_parts(card: Card, kind: _Kind) -> None:
    parts = {name for name, value in card.items() if value not in (None, "", [], {})}
    unknown = set(card) - kind.required - kind.optional - {"card_type"}
    if unknown:
        raise ValueError(f"{card['card_type']} has no {', '.join(sorted(unknown))}")
    missing = kind.required - parts
    if "action_menu" in parts and "task_id" not in parts:
        missing |= {"task_id"}
    for options in kind.one_of:
        if not options & parts:
            missing |= {" or ".join(sorted(options))}
    if missing:
        raise ValueError(f"{card['card_type']} needs {', '.join(sorted(missing))}")


def _menu(menu: Card) -> None:
    _size("action_menu.action_list", menu.get("action_list"), 1, 3)
    _unique("action_menu.action_list.key", [one.get("key") for one in menu["action_list"]], KEY_BYTES)


def _buttons(buttons: Sequence[Card]) -> None:
    for one in buttons:
        _need(one.get("text"), "button_list.text")
        _need(one.get("type") != 1 or one.get("url"), "button_list.url")
    _unique("button_list.key", [one.get("key") for one in buttons if one.get("type", 0) == 0], KEY_BYTES)


def _selection(part: str, most: int) -> Callable[[Card], None]:
    def check(question: Card) -> None:
        _unique(f"{part}.question_key", [question.get("question_key")], KEY_BYTES)
        options = question.get("option_list")
        _size(f"{part}.option_list", options, 1, most)
        for one in options or ():
            _need(one.get("text"), f"{part}.option_list.text")
        _unique(f"{part}.option_list.id", [one.get("id") for one in options or ()], ID_BYTES)

    return check


def _selections(questions: Sequence[Card]) -> None:
    for one in questions:
        _selection("select_list", 10)(one)
    _unique("select_list.question_key", [one.get("question_key") for one in questions], KEY_BYTES)


# For horizontal_content_list, the field that each type needs.
_VALUES = {1: "url", 2: "media_id", 3: "userid"}


def _horizontal(rows: Sequence[Card]) -> None:
    for one in rows:
        _need(one.get("keyname"), "horizontal_content_list.keyname")
        needed = _VALUES.get(one.get("type", 0))
        _need(needed is None or one.get(needed), f"horizontal_content_list.{needed}")


def _titles(part: str) -> Callable[[Sequence[Card]], None]:
    def check(rows: Sequence[Card]) -> None:
        for one in rows:
            _need(one.get("title"), f"{part}.title")

    return check


_PARTS: dict[str, Callable[[Any], None]] = {
    "action_menu": _menu,
    "button_list": _buttons,
    "button_selection": _selection("button_selection", 10),
    "checkbox": _selection("checkbox", 20),
    "select_list": _selections,
    "submit_button": lambda button: _unique("submit_button.key", [button.get("key")], KEY_BYTES),
    "horizontal_content_list": _horizontal,
    "vertical_content_list": _titles("vertical_content_list"),
    "jump_list": _titles("jump_list"),
    "card_image": lambda image: _need(image.get("url"), "card_image.url"),
}


def _need(fine: object, what: str) -> None:
    if not fine:
        raise ValueError(f"{what} is missing or wrong")


def _size(part: str, rows: Any, least: int, most: int) -> None:
    found = len(rows) if isinstance(rows, Sequence) and not isinstance(rows, str) else 0
    if not least <= found <= most:
        raise ValueError(f"{part} has {found} items, {least} to {most} are allowed")


def _unique(part: str, keys: Sequence[Any], most: int) -> None:
    """They are there, no longer than so many bytes, and no two are the same."""
    for key in keys:
        if not isinstance(key, str) or not 0 < len(key.encode()) <= most:
            raise ValueError(f"{part} is missing or longer than {most} bytes")
    if len(set(keys)) < len(keys):
        raise ValueError(f"{part} is not unique")
