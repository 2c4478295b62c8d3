"""Template cards: what each of the five types must and may have.

Fields that a type does not know are left out of the card's face, as are what a person cannot see.
Source: WeCom server API, template cards (page 90372), global error codes (page 90313).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.errors import ApiError
from simulator.messages.limits import check_url, items_of, needed, text_of

Card = dict[str, Any]
KEY_BYTES, ID_BYTES = 1024, 128
TASK_ID = re.compile(r"[0-9A-Za-z_\-@]{1,128}")
NONE, URL, MINI_PROGRAM = 0, 1, 2
TEXT_NOTICE, NEWS_NOTICE = "text_notice", "news_notice"
BUTTONS, VOTE, MULTIPLE = "button_interaction", "vote_interaction", "multiple_interaction"
INTERACTIVE = frozenset({BUTTONS, VOTE, MULTIPLE})


@dataclass(frozen=True)
class Limits:
    """What may be named in a card: media of certain kinds, and members."""

    usable: Callable[[str, frozenset[str]], bool]
    is_member: Callable[[str], bool]


def _unique(values: list[str], code: int) -> None:
    if len(set(values)) != len(values):
        raise ApiError(code)


def _object(card: Card, key: str, code: int) -> Card:
    value = card[key]
    if not isinstance(value, dict):
        raise ApiError(code, detail=key)
    return value


def _kind(owner: Card, known: frozenset[int], code: int) -> int:
    kind = owner.get("type", NONE)
    if type(kind) is not int or kind not in known:
        raise ApiError(code, detail="type")
    return kind


def _jump(owner: Card, *, kinds: frozenset[int] = frozenset({NONE, URL, MINI_PROGRAM}), code: int = 40058) -> None:
    """Where a tap leads: an address needs `url` (42028), a mini-program `appid` (42030)."""
    kind = _kind(owner, kinds, code)
    if kind == URL:
        check_url(text_of(owner, "url"), missing=42028)
    if kind == MINI_PROGRAM:
        needed(owner, "appid", 42030)


def _source(card: Card, _: Limits) -> Any:
    source = _object(card, "source", 40058)
    if source.get("desc_color", 0) not in (0, 1, 2, 3):
        raise ApiError(40058, detail="desc_color")
    return source


def _action_menu(card: Card, _: Limits) -> Any:
    menu = _object(card, "action_menu", 40058)
    actions = items_of(menu, "action_list", 40058, least=1, most=3)
    _unique([needed(item, "key", 42051, most_bytes=KEY_BYTES) for item in actions], 42051)
    for item in actions:
        needed(item, "text", 40058)
    return menu


def _main_title(card: Card, _: Limits) -> Any:
    return _object(card, "main_title", 40058)


def _plain_object(key: str) -> "Rule":
    return lambda card, _: _object(card, key, 40058)


def _quote_area(card: Card, _: Limits) -> Any:
    quote = _object(card, "quote_area", 40058)
    _jump(quote)
    return quote


def _sub_title_text(card: Card, _: Limits) -> Any:
    return text_of(card, "sub_title_text")


def _image_text_area(card: Card, _: Limits) -> Any:
    area = _object(card, "image_text_area", 40058)
    _jump(area)
    check_url(text_of(area, "image_url"), missing=42028)
    return area


def _card_image(card: Card, _: Limits) -> Any:
    """The ratio lies between 1.3 and 2.25; what is beyond is refused here, which is not published."""
    image = _object(card, "card_image", 42044)
    check_url(text_of(image, "url"), missing=42044)
    ratio = image.get("aspect_ratio", 1.3)
    if type(ratio) not in (int, float) or not 1.3 <= ratio <= 2.25:
        raise ApiError(40058, detail="aspect_ratio")
    return {**image, "aspect_ratio": ratio}


def _vertical(card: Card, _: Limits) -> Any:
    items = items_of(card, "vertical_content_list", 42036, least=0, most=4)
    for item in items:
        needed(item, "title", 42033)
    return items


def _horizontal(card: Card, limits: Limits) -> Any:
    """Type 1 needs an address, 2 an uploaded file, 3 a member."""
    items = items_of(card, "horizontal_content_list", 42035, least=0, most=6)
    for item in items:
        needed(item, "keyname", 42027)
        kind = _kind(item, frozenset({0, 1, 2, 3}), 40058)
        if kind == 1:
            check_url(text_of(item, "url"), missing=42028)
        if kind == 2 and not limits.usable(needed(item, "media_id", 42029), frozenset({"file"})):
            raise ApiError(40007)
        if kind == 3 and not limits.is_member(needed(item, "userid", 42050)):
            raise ApiError(42050)
    return items


def _jump_list(card: Card, _: Limits) -> Any:
    items = items_of(card, "jump_list", 42042, least=0, most=3)
    for item in items:
        needed(item, "title", 42033)
        _jump(item)
    return items


def _card_action(card: Card, _: Limits) -> Any:
    """A notice leads somewhere; a button card need not."""
    action = _object(card, "card_action", 42045)
    kinds = frozenset({URL, MINI_PROGRAM} if card["card_type"] in {TEXT_NOTICE, NEWS_NOTICE} else {0, 1, 2})
    _jump(action, kinds=kinds, code=42045)
    return action


def _options(owner: Card, most: int) -> list[Card]:
    options = items_of(owner, "option_list", 42037, least=1, most=most)
    _unique([needed(item, "id", 42040, most_bytes=ID_BYTES) for item in options], 42040)
    for item in options:
        needed(item, "text", 42041)
    return options


def _selection(owner: Card) -> Card:
    """A choice of one: a `selected_id` that is none of the options means the first."""
    needed(owner, "question_key", 42043, most_bytes=KEY_BYTES)
    ids = [item["id"] for item in _options(owner, 10)]
    chosen = owner.get("selected_id")
    return {**owner, "selected_id": chosen if chosen in ids else ids[0]}


def _button_selection(card: Card, _: Limits) -> Any:
    return _selection(_object(card, "button_selection", 42043))


def _button_list(card: Card, _: Limits) -> Any:
    """A button calls back with its key (type 0) or opens an address (type 1); a wrong style counts as 1."""
    buttons = items_of(card, "button_list", 42038, least=1, most=6)
    keys = []
    for button in buttons:
        needed(button, "text", 42038)
        if _kind(button, frozenset({NONE, URL}), 40058) == URL:
            check_url(text_of(button, "url"), missing=42028)
        else:
            keys.append(needed(button, "key", 42039, most_bytes=KEY_BYTES))
    _unique(keys, 42039)
    return [{**item, "style": item.get("style") if item.get("style") in (1, 2, 3, 4) else 1} for item in buttons]


def _checkbox(card: Card, _: Limits) -> Any:
    box = _object(card, "checkbox", 42043)
    needed(box, "question_key", 42043, most_bytes=KEY_BYTES)
    if box.get("mode", 0) not in (0, 1):
        raise ApiError(40058, detail="mode")
    _options(box, 20)
    return {**box, "mode": box.get("mode", 0)}


def _select_list(card: Card, _: Limits) -> Any:
    items = items_of(card, "select_list", 42047, least=1, most=3)
    shown = [_selection(item) for item in items]
    _unique([item["question_key"] for item in items], 42043)
    return shown


def _submit_button(card: Card, _: Limits) -> Any:
    button = _object(card, "submit_button", 42046)
    needed(button, "key", 42046, most_bytes=KEY_BYTES)
    text = button.get("text")
    if text is not None and not isinstance(text, str):
        raise ApiError(42049)
    return {**button, "text": text or "提交"}


Rule = Callable[[Card, Limits], Any]
RULES: dict[str, Rule] = {
    "source": _source,
    "action_menu": _action_menu,
    "main_title": _main_title,
    "emphasis_content": _plain_object("emphasis_content"),
    "quote_area": _quote_area,
    "sub_title_text": _sub_title_text,
    "image_text_area": _image_text_area,
    "card_image": _card_image,
    "vertical_content_list": _vertical,
    "horizontal_content_list": _horizontal,
    "jump_list": _jump_list,
    "card_action": _card_action,
    "button_selection": _button_selection,
    "button_list": _button_list,
    "checkbox": _checkbox,
    "select_list": _select_list,
    "submit_button": _submit_button,
}
MAY = {
    TEXT_NOTICE: (
        "source action_menu main_title emphasis_content quote_area sub_title_text horizontal_content_list jump_list "
        "card_action"
    ),
    NEWS_NOTICE: (
        "source action_menu main_title quote_area image_text_area card_image vertical_content_list "
        "horizontal_content_list jump_list card_action"
    ),
    BUTTONS: (
        "source action_menu main_title quote_area sub_title_text horizontal_content_list card_action button_selection "
        "button_list"
    ),
    VOTE: "source main_title checkbox submit_button",
    MULTIPLE: "source main_title select_list submit_button",
}
# What a card cannot be without, and the code when it is missing. 41016 and 40058 are a guess where none is published.
MUST: dict[str, dict[str, int]] = {
    TEXT_NOTICE: {"card_action": 42045},
    NEWS_NOTICE: {"card_action": 42045},
    BUTTONS: {"button_list": 42038},
    VOTE: {"checkbox": 42043, "submit_button": 42046},
    MULTIPLE: {"select_list": 42047, "submit_button": 42046},
}


def face(card: Card, limits: Limits) -> Card:
    """The card as a person sees it, defaults filled in; ApiError when a rule is broken."""
    kind = card.get("card_type")
    if not isinstance(kind, str) or kind not in MAY:
        raise ApiError(42031)
    _check_titles(card, kind)
    for key, code in MUST[kind].items():
        if not card.get(key):
            raise ApiError(code, detail=key)
    if kind == NEWS_NOTICE and not (card.get("card_image") or card.get("image_text_area")):
        raise ApiError(42044)
    shown = {key: RULES[key](card, limits) for key in MAY[kind].split() if card.get(key)}
    kept = {key: card[key] for key in ("task_id", "replace_text") if card.get(key)}
    return {"card_type": kind, **kept, **shown}


def _check_titles(card: Card, kind: str) -> None:
    title = card.get("main_title") or {}
    has_title = isinstance(title, dict) and bool(text_of(title, "title") or text_of(title, "desc"))
    if not has_title and not (kind == TEXT_NOTICE and text_of(card, "sub_title_text")):
        raise ApiError(41016)


def calls_back(card: Card) -> bool:
    """Whether a person's click on the card is told to the app; only such a card may be updated."""
    return card["card_type"] in INTERACTIVE or bool(card.get("action_menu"))


def check_task_id(card: Card) -> str:
    """The task id, "" when a card needs none; ApiError 42014 when it is missing or malformed."""
    task_id = card.get("task_id") or ""
    if not task_id and not calls_back(card):
        return ""
    if not isinstance(task_id, str) or not TASK_ID.fullmatch(task_id):
        raise ApiError(42014)
    return task_id
