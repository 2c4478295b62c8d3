"""What is shown of personal data to whoever may not read it (ACC-3): enough to tell two apart, too little to use.

Nothing that is masked says how long it was, except the leading digits of a number.
"""

import re
import unicodedata
from datetime import date

HIDDEN = "****"
_PHONE = re.compile(r"(?<![\w.-])\+?\d(?:[ ()./-]{0,2}\d){6,}(?!\w)")
_EMAIL = re.compile(r"[^\s@<>,;:，；：、()（）]+@[^\s@<>,;:，；：、()（）]+")
_JOINER, _SELECTORS = "\u200d", range(0xFE00, 0xFE10)
_SKIN_TONES = range(0x1F3FB, 0x1F400)


def mask_phone(value: str) -> str:
    """`138****5678`; a country's code stays, separators go. What has few digits is hidden whole."""
    digits = "".join(one for one in value if one.isdecimal())
    if len(digits) < 7:
        return HIDDEN
    tail = 4 if len(digits) >= 11 else 2
    plus = "+" if value.lstrip().startswith("+") else ""
    return f"{plus}{digits[: len(digits) - tail - 4]}{HIDDEN}{digits[-tail:]}"


def mask_email(value: str) -> str:
    """`l***@example.com`; an account of one letter is hidden whole, and so is what is no address."""
    account, at, domain = value.strip().rpartition("@")
    if not at:
        return "***"
    first = _first(account)
    return f"{first if first != account else ''}***@{domain}"


def mask_name(value: str) -> str:
    """`李*`; a name of one character is hidden whole."""
    name = value.strip()
    if not name:
        return ""
    first = _first(name)
    return f"{first}*" if first != name else "*"


def mask_birthday(value: date | str) -> str:
    """Without the day: `1990-05`; hidden whole when it is no date."""
    try:
        day = value if isinstance(value, date) else date.fromisoformat(value)
    except ValueError:
        return HIDDEN
    return f"{day.year:04}-{day.month:02}"


def mask_words(value: str) -> str:
    """A text that somebody wrote: phone numbers and e-mail addresses in it are masked, the rest stays."""
    return _PHONE.sub(lambda found: mask_phone(found[0]), _EMAIL.sub(lambda found: mask_email(found[0]), value))


def mask_document(value: object) -> object:
    """JSON of any shape: each text as `mask_words`, numbers that are long enough to be a phone's, names and birthdays
    by the name of their field, after the last dot.
    """
    if isinstance(value, dict):
        return {name: mask_field(str(name), one) for name, one in value.items()}
    if isinstance(value, list):
        return [mask_document(one) for one in value]
    if isinstance(value, str):
        return mask_words(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**10:
        return mask_phone(str(value))
    return value


def mask_field(path: str, value: object) -> object:
    """A value of a customer's own document, by its path; what a retailer added is hidden whole where it is a text."""
    name = path.rpartition(".")[2]
    if path.startswith("fields."):
        return mask_texts(value)
    if name == "fields" and isinstance(value, dict):
        return mask_texts(value)
    if name in _BY_NAME and isinstance(value, str):
        return _BY_NAME[name](value)
    return mask_document(value)


def mask_texts(value: object) -> object:
    """Texts in it are hidden whole: nobody knows what they say."""
    if isinstance(value, dict):
        return {name: mask_texts(one) for name, one in value.items()}
    if isinstance(value, list):
        return [mask_texts(one) for one in value]
    return HIDDEN if isinstance(value, str) and value else mask_document(value)


def mask_identity(kind: str, value: str) -> str:
    """By its kind; ids of other systems name nobody and stay."""
    if kind == "phone":
        return mask_phone(value)
    return mask_email(value) if kind == "email" else value


def _hide(value: str) -> str:
    return HIDDEN if value else value


_BY_NAME = {
    "real_name": mask_name, "contact_name": mask_name, "birthday": mask_birthday, "tax_number": _hide, "address": _hide,
}  # fmt: skip


def _first(text: str) -> str:
    """The first character as people see it, with what is combined with it."""
    end = 1
    while end < len(text) and (
        unicodedata.combining(text[end])
        or text[end] == _JOINER
        or text[end - 1] == _JOINER
        or ord(text[end]) in _SELECTORS
        or ord(text[end]) in _SKIN_TONES
    ):
        end += 1
    return text[:end]
