"""Reads a decrypted callback body, XML or JSON, without knowing what any event means.

Tags are kept as they come; look-ups forgive case, because the families spell them differently (UserID, UserId).
Unknown tags are kept, missing ones are simply absent, blanks around values go (suite samples have them).
People put characters into their names that XML and JSON forbid: those are left out rather than the event.
"""

import codecs
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from lxml import etree

MAX_DEPTH = 12
_FORBIDDEN_IN_XML = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]"
    rb"|&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|x0*(?:[0-8bcef]|1[0-9a-f])|x0*fff[ef]|x0*d[89a-f][0-9a-f]{2});",
    re.IGNORECASE,
)
"""Control characters and what is no character at all, as such and as references."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_own = threading.local()
Value = str | dict[str, "Value"] | list["Value"]
"""Text, an element with children, or repeated siblings of one name in their order."""


class BodyError(ValueError):
    """Not a body this system reads; the text says what is wrong with it, never what it contains."""


@dataclass(frozen=True)
class Body:
    """`event` is Event, InfoType or MsgType (of a robot: eventtype or msgtype); `change` is ChangeType or ""."""

    event: str
    change: str
    created: str | None
    fields: Mapping[str, Value]

    def text(self, name: str) -> str:
        """A top-level text field, "" when absent or not text."""
        value = self.value(name)
        return value if isinstance(value, str) else ""

    def value(self, name: str) -> Value | None:
        """A top-level field as it is, None when absent; senders differ in how they write its name."""
        value = self.fields.get(name)
        if value is None:
            wanted = name.lower()
            value = next((v for k, v in self.fields.items() if k.lower() == wanted), None)
        return value


def read_body(plaintext: bytes) -> Body:
    """
    Raises:
        BodyError: neither XML nor a JSON object, has a DTD, or is nested too deep.
    """
    document = plaintext.lstrip().removeprefix(codecs.BOM_UTF8).lstrip()
    start = document[:1]
    if start == b"<":
        fields = read_xml(document)
        event = _text(fields, "Event") or _text(fields, "InfoType") or _text(fields, "MsgType")
        return Body(
            event, _text(fields, "ChangeType"), _text(fields, "CreateTime") or _text(fields, "TimeStamp"), fields
        )
    if start == b"{":
        fields = read_json(document)
        detail = fields.get("event")
        inner = _text(detail, "eventtype") if isinstance(detail, dict) else _text(fields, "Event")
        event = inner or _text(fields, "InfoType") or _text(fields, "msgtype") or _text(fields, "MsgType")
        created = _text(fields, "create_time") or _text(fields, "CreateTime") or _text(fields, "TimeStamp")
        return Body(event, _text(fields, "ChangeType"), created, fields)
    raise BodyError("neither XML nor JSON")


def _text(fields: Mapping[str, Value], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def read_xml(document: bytes) -> dict[str, Value]:
    """The children of the root element. Entities are never resolved; a document with a DTD is refused.

    Raises:
        BodyError: not well-formed, not UTF-8, has a DTD, or is nested too deep.
    """
    root = _root(document)
    if root is None and not document.startswith(b"<\0"):  # that is UTF-16
        root = _root(_FORBIDDEN_IN_XML.sub(b"", document))
    if root is None:
        raise BodyError("not well-formed UTF-8 XML")
    if root.getroottree().docinfo.internalDTD is not None:
        raise BodyError("has a document type definition")
    value = _element(root, 0)
    return value if isinstance(value, dict) else {}


def _root(document: bytes) -> etree._Element | None:
    try:
        document.decode("utf-8")
        return etree.fromstring(document, _parser())
    except (UnicodeDecodeError, etree.XMLSyntaxError, ValueError):
        return None


def _parser() -> etree.XMLParser:
    """This thread's parser: making one costs several times what it takes to read a callback."""
    if not hasattr(_own, "parser"):
        _own.parser = etree.XMLParser(
            encoding="utf-8",  # else the parser recognises UTF-16 by its zeros
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
    parser: etree.XMLParser = _own.parser
    return parser


def _element(element: etree._Element, depth: int) -> Value:
    if depth > MAX_DEPTH:
        raise BodyError("nested too deep")
    children = list(element)
    if not children:
        return (element.text or "").strip()
    found: dict[str, Value] = {}
    for child in children:
        if not isinstance(child.tag, str):
            raise BodyError("has an entity reference")
        value = _element(child, depth + 1)
        if child.tag not in found:
            found[child.tag] = value
        elif isinstance(present := found[child.tag], list):
            present.append(value)
        else:
            found[child.tag] = [present, value]
    return found


def read_json(document: bytes) -> dict[str, Value]:
    """
    Raises:
        BodyError: not a JSON object, or nested too deep.
    """
    try:
        value = orjson.loads(document)
    except orjson.JSONDecodeError:
        value = _forgiving_json(document)
    if not isinstance(value, dict):
        raise BodyError("not a JSON object")
    return {_clean(key): _json(item, 1) for key, item in value.items()}


def _forgiving_json(document: bytes) -> object:
    """Also halves of surrogate pairs (an emoji that was cut in two), raw control characters and numbers of any length.

    Raises:
        BodyError: not JSON all the same.
    """
    try:
        return json.loads(document.decode("utf-8", "surrogatepass"), strict=False, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        raise BodyError("not well-formed JSON") from None


def _json(value: object, depth: int) -> Value:
    if depth > MAX_DEPTH:
        raise BodyError("nested too deep")
    match value:
        case dict():
            return {_clean(key): _json(item, depth + 1) for key, item in value.items()}
        case list():
            return [_json(item, depth + 1) for item in value]
        case None:
            return ""
    return _clean(str(value)).strip()


def _clean(text: str) -> str:
    """PostgreSQL stores neither NUL nor half of a surrogate pair."""
    text = text.replace("\x00", "")
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
