"""Reads the first sheet of an XLSX file, row by row, with texts as a person sees them.

Ours, on zipfile and expat: of the libraries one takes several times as long, one keeps the whole sheet, and none bounds
what a hostile file makes of that (docs/decisions/0023). Formulas count as what they
were last computed to. Source of names and types: ECMA-376, part 1, 18.3.1.4 (c), 18.4.8 (si), 18.8.30 (numFmt).
"""

import posixpath
import re
import zipfile
from array import array
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import BinaryIO, cast
from xml.parsers import expat

from shared.spreadsheets.model import FORMULA, LONGEST_CELL, MOST_COLUMNS, Line, UnreadableError, unshield

MOST_BYTES = 1 << 30
"""Of all parts together, unpacked."""
MOST_PACKED = 200
"""How often a part may be larger than it was packed, beyond the first 10 MiB. Sheets of one repeated text reach 100."""
FREE = 10 << 20
MOST_TEXTS = 128 << 20
"""Bytes of shared texts, which are kept while rows are read."""
MOST_FORMATS = 10_000
WORKBOOK = "xl/workbook.xml"
RELATIONS, STYLES, SHARED = "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/sharedStrings.xml"
RELATION_ID = "/relationships id"
"""How the name of the attribute ends, in the transitional and in the strict kind of the format."""
PIECE = 1 << 16
DIGITS = "0123456789"
DATE_FORMATS = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
"""Built-in number formats that show dates or times."""
_DATE_LETTERS = re.compile(r"[ymdhs]", re.IGNORECASE)
_NO_LETTERS = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')

Attributes = Mapping[str, str]
Start = Callable[[str, Attributes], None]
End = Callable[[str], object]
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def xlsx_lines(file: BinaryIO) -> Iterator[Line]:
    """
    Raises:
        UnreadableError: damaged, no workbook, or larger than it may be.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_sizes(archive)
            yield from _Book(archive).lines()
    except (zipfile.BadZipFile, expat.ExpatError, EOFError, NotImplementedError, RuntimeError, KeyError) as error:
        raise UnreadableError("damaged", what=type(error).__name__) from None
    except (ValueError, OverflowError, IndexError, zipfile.zlib.error):  # type: ignore[attr-defined]
        raise UnreadableError("damaged", what="bad value") from None


def _check_sizes(archive: zipfile.ZipFile) -> None:
    """What the directory says is what zipfile will give at most: it stops there, and says that the file is damaged."""
    whole = 0
    for part in archive.infolist():
        whole += part.file_size
        if part.flag_bits & 1:
            raise UnreadableError("password")
        if whole > MOST_BYTES or part.file_size > FREE + part.compress_size * MOST_PACKED:
            raise UnreadableError("unpacked", most=MOST_BYTES >> 20)
    if WORKBOOK not in archive.namelist():
        raise UnreadableError("no_workbook")


class _Texts:
    """Shared texts in one piece of memory: a million short strings would take ten times as much."""

    def __init__(self) -> None:
        self._bytes, self._ends = bytearray(), array("Q")

    def add(self, text: str) -> None:
        self._bytes += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))
        if len(self._bytes) + 8 * len(self._ends) > MOST_TEXTS:
            raise UnreadableError("texts", most=MOST_TEXTS >> 20)

    def __getitem__(self, number: int) -> str:
        if number < 0:
            raise IndexError
        begin = self._ends[number - 1] if number else 0
        return self._bytes[begin : self._ends[number]].decode("utf-8", "replace")


class _Book:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = set(archive.namelist())
        self._sheet, self._base = self._first_sheet()
        self._dates = self._date_styles()
        self._texts = self._shared_texts()

    def _first_sheet(self) -> tuple[str, datetime]:
        sheets: list[str | None] = []
        bases = {"0": datetime(1899, 12, 30), "1": datetime(1904, 1, 1)}  # noqa: DTZ001 - days, not moments
        early = ["0"]

        def start(name: str, told: Attributes) -> None:
            if name == "workbookPr" and told.get("date1904") in ("1", "true"):
                early.append("1")
            elif name == "sheet":
                sheets.append(next((value for key, value in told.items() if key.endswith(RELATION_ID)), None))

        self._walk(WORKBOOK, start)
        targets: dict[str, str] = {}

        def relation(name: str, told: Attributes) -> None:
            if name == "Relationship":
                path = posixpath.normpath(posixpath.join("/xl", told.get("Target", ""))).lstrip("/")
                targets[told.get("Id", "")] = path

        self._walk(RELATIONS, relation)
        sheet = targets.get(sheets[0] or "", "") if sheets else ""
        if sheet not in self._names:
            raise UnreadableError("no_workbook")
        return sheet, bases[early[-1]]

    def _date_styles(self) -> list[bool]:
        """Whether each style shows a date."""
        formats: dict[str, bool] = {}
        styles: list[bool] = []
        inside: list[str] = []

        def start(name: str, told: Attributes) -> None:
            inside.append(name)
            if name == "numFmt" and len(formats) < MOST_FORMATS:
                code = _NO_LETTERS.sub("", told.get("formatCode", ""))
                formats[told.get("numFmtId", "")] = bool(_DATE_LETTERS.search(code))
            elif name == "xf" and inside[-2:-1] == ["cellXfs"] and len(styles) < MOST_FORMATS:
                style = told.get("numFmtId", "0")
                styles.append(formats.get(style, style.isdigit() and int(style) in DATE_FORMATS))

        if STYLES in self._names:
            self._walk(STYLES, start, lambda _name: inside.pop())
        return styles

    def _walk(self, path: str, start: Start, end: End | None = None) -> None:
        for _ in _parsed(self._archive, path, start, end or (lambda _name: None), None):
            pass

    def _shared_texts(self) -> _Texts:
        texts = _Texts()
        if SHARED in self._names:
            collector = _TextCollector(texts.add, "si")
            for _ in _parsed(self._archive, SHARED, collector.start, collector.end, collector.text):
                pass
        return texts

    def lines(self) -> Iterator[Line]:
        rows = _Rows(self._value)
        for _ in _parsed(self._archive, self._sheet, rows.start, rows.end, rows.text):
            yield from rows.take()
        yield from rows.take()

    def _value(self, kind: str, style: str | None, value: str) -> str:
        """Of a cell whose value is told as a number, an index or a code."""
        if kind == "s":
            return self._texts[int(value)]
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if kind != "n":
            return value
        if style is not None and self._dates and self._dates[int(style)]:
            return _moment(float(value), self._base)
        if value.isdigit():
            return value
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


class _TextCollector:
    """Texts as an element holds them: plain, or in runs; phonetic runs, which only tell how to say it, are left out."""

    def __init__(self, add: Callable[[str], None], element: str) -> None:
        self._add, self._element = add, element
        self._parts: list[str] = []
        self._within = self._phonetic = False

    def start(self, name: str, _told: Attributes) -> None:
        if name == "rPh":
            self._phonetic = True
        self._within = name == "t" and not self._phonetic

    def text(self, piece: str) -> None:
        if self._within:
            self._parts.append(piece)

    def end(self, name: str) -> None:
        self._within = False
        if name == "rPh":
            self._phonetic = False
        elif name == self._element:
            text = "".join(self._parts)
            self._parts.clear()
            if len(text) > LONGEST_CELL:
                raise UnreadableError("cell", row="?", most=LONGEST_CELL)
            self._add(_clean(text))


class _Rows:
    """The sheet's rows, from what the parser meets."""

    def __init__(self, value: Callable[[str, str | None, str], str]) -> None:
        self._value_of = value
        self._lines: list[Line] = []
        self._cells: list[str] = []
        self._number = 0
        self._kind, self._style = "n", cast("str | None", None)
        self._value: list[str] | None = None
        self._length = 0
        self._is_formula = self._phonetic = self._within = False

    def take(self) -> list[Line]:
        found, self._lines = self._lines, []
        return found

    def start(self, name: str, told: Attributes) -> None:
        if name == "c":
            reference = told.get("r")
            if reference is not None:
                at = _column(reference.rstrip(DIGITS))
                missing = at - len(self._cells)
                if missing > 0:
                    self._cells.extend([""] * min(missing, MOST_COLUMNS + 1))
                elif missing < 0:
                    raise ValueError("cells out of order")
            self._kind, self._style = told.get("t", "n"), told.get("s")
            self._value, self._is_formula, self._length = [], False, 0
        elif name in ("v", "t"):
            self._within = self._value is not None and not self._phonetic
        elif name == "f":
            self._is_formula = True
        elif name == "rPh":
            self._phonetic = True
        elif name == "row":
            self._cells = []
            self._number = int(told["r"]) if "r" in told else self._number + 1

    def text(self, piece: str) -> None:
        if self._within and self._value is not None:
            self._value.append(piece)
            self._length += len(piece)
            if self._length > LONGEST_CELL:
                raise UnreadableError("cell", row=self._number, most=LONGEST_CELL)

    def end(self, name: str) -> None:
        self._within = False
        if name == "c":
            text = "".join(self._value or ())
            self._value = None
            if text and self._kind == "inlineStr":
                text = _clean(text)
            elif text:
                text = self._value_of(self._kind, self._style, text)
            elif self._is_formula:
                text = FORMULA
            if text[:1] == "'":
                text = unshield(text)
            if len(self._cells) >= MOST_COLUMNS and text:
                raise UnreadableError("columns", row=self._number, count=len(self._cells) + 1, most=MOST_COLUMNS)
            self._cells.append(text)
        elif name == "row":
            self._lines.append(Line(self._number, self._cells))
        elif name == "rPh":
            self._phonetic = False


def _moment(days: float, base: datetime) -> str:
    if not 0 <= days < 2_958_466:  # the end of the year 9999
        return repr(days)
    at = base + timedelta(seconds=round(days * 86_400))
    return at.date().isoformat() if at == datetime(at.year, at.month, at.day) else at.isoformat(" ")  # noqa: DTZ001


@lru_cache(1024)
def _column(name: str) -> int:
    """Of letters; 0 is A. What is no column's name is far outside."""
    number = 0
    for letter in name:
        if not "A" <= letter <= "Z" or len(name) > 3:
            raise ValueError("no reference")
        number = number * 26 + ord(letter) - 64
    return number - 1


def _clean(text: str) -> str:
    if "_x" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return text.replace(FORMULA[0], "")


def _parsed(
    archive: zipfile.ZipFile, path: str, start: Start, end: End, text: Callable[[str], None] | None
) -> Iterator[None]:
    """Parse a part, and stop after each piece of it so that what was met can be taken.

    There is no document type in a part of a workbook, so there are no entities either.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    local: dict[str, str] = {}

    def begin(name: str, told: Attributes) -> None:
        start(local.get(name) or local.setdefault(name, name.rpartition(" ")[2]), told)

    def finish(name: str) -> None:
        end(local[name])

    def refuse(*_told: object) -> None:
        raise UnreadableError("damaged", what="DTD")

    parser.StartElementHandler, parser.EndElementHandler = begin, finish
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.buffer_text = True
    if text is not None:
        parser.CharacterDataHandler = text
    with archive.open(path) as part:
        while piece := part.read(PIECE):
            parser.Parse(piece)
            yield
        parser.Parse(b"", True)
    yield
