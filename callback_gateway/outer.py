"""Takes the encrypted part out of an envelope that nobody has vouched for yet.

The signature covers that part alone and can only be checked once it is found, so whatever a stranger sends comes
through here: nothing is built from the rest, no name outlives the request, and too much of anything ends the reading.
"""

from xml.parsers import expat

import orjson

from callback_gateway.crypto import refused_message

SMALL_BYTES = 8192
"""Up to here nothing can cost much, so the ordinary envelope is spared the counting."""
XML_COSTLY = (b"<", b"=", b"&", b"]", b"\r", b"\n")
XML_COSTLY_MAX = 128
"""Of each: an envelope has three or four elements with ids and base64 in them; these are what costs a parser time."""
TAG_MAX_BYTES = 256
JSON_COSTLY = (b",", b"[", b"{", b":")
JSON_COSTLY_MAX = 64
"""Of each: an envelope is one object with at most four members."""
DEPTH_MAX = 4


def sealed_in_xml(document: bytes) -> str:
    """The text of the root's one child `Encrypt`.

    Raises:
        RefusedError: not well-formed UTF-8, has a DTD, too much in it, or not exactly one such child.
    """
    if len(document) > SMALL_BYTES and _is_costly(document):
        raise refused_message("the envelope: too much in it")
    if b"\0" in document:  # else the parser recognises UTF-16 by its zeros
        raise refused_message("the envelope: not well-formed UTF-8 XML")
    reader = _XmlReader()
    try:
        reader.parser.Parse(document, True)
    except expat.ExpatError:
        raise refused_message("the envelope: not well-formed UTF-8 XML") from None
    return _only(reader.found)


def sealed_in_json(document: bytes) -> str:
    """The text of the object's member `encrypt`.

    Raises:
        RefusedError: not a JSON object, too much in it, or no such text.
    """
    if _has_more(document, JSON_COSTLY, JSON_COSTLY_MAX):
        raise refused_message("the envelope: too much in it")
    try:
        fields = orjson.loads(document)
    except orjson.JSONDecodeError:
        raise refused_message("the envelope: not well-formed JSON") from None
    found = fields.get("encrypt") if isinstance(fields, dict) else None
    return _only([found] if isinstance(found, str) else [])


def _only(found: list[str]) -> str:
    if len(found) != 1 or not found[0]:
        raise refused_message("the envelope has no encrypted part")
    return found[0]


def _has_more(document: bytes, characters: tuple[bytes, ...], limit: int) -> bool:
    return any([document.count(character) > limit for character in characters])  # noqa: C419 - faster than a generator


def _is_costly(document: bytes) -> bool:
    if not document.isascii() or _has_more(document, XML_COSTLY, XML_COSTLY_MAX):
        return True
    return any(map(_is_long_tag, document.split(b"<")[1:]))


def _is_long_tag(markup: bytes) -> bool:
    """Of what follows a "<": whether it is neither a CDATA section nor ends soon."""
    return not markup.startswith(b"![CDATA[") and markup.find(b">", 0, TAG_MAX_BYTES) < 0


class _XmlReader:
    """A parser for one document; what it collects goes with it. Raising in a handler ends the parsing."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._depth = 0
        self._chunks: list[str] | None = None  # of the Encrypt that is being read
        self.parser = parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = _refuse_doctype

    def _start(self, tag: str, _attributes: object) -> None:
        if self._depth >= DEPTH_MAX or self._chunks is not None:
            raise refused_message("the envelope: nested too deep")
        self._depth += 1
        if self._depth == 2 and tag == "Encrypt":
            self._chunks = []
            self.parser.CharacterDataHandler = self._chunks.append

    def _end(self, _tag: str) -> None:
        self._depth -= 1
        if self._chunks is not None:
            self.parser.CharacterDataHandler = None
            self.found.append("".join(self._chunks).strip())
            self._chunks = None


def _refuse_doctype(*_: object) -> None:
    raise refused_message("the envelope: has a document type definition")
