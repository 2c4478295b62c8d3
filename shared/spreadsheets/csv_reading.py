"""Reads CSV as Excel, WPS and back offices write it: UTF-8 or GB18030, separated by commas, semicolons or tabs."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from shared.spreadsheets.model import FORMULA, LONGEST_CELL, Line, UnreadableError, unshield

PIECE = 1 << 20
SEPARATORS = ",;\t|"
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_QUOTED = re.compile(r'"[^"]*"')
_KEPT_TEXT = re.compile(r'="([^"]*)"')
"""How spreadsheets are made to keep leading zeros: a formula that is a text."""


def csv_lines(file: BinaryIO) -> Iterator[Line]:
    """
    Raises:
        UnreadableError: neither UTF-8 nor GB18030, no text, or a cell without an end.
    """
    encoding = _encoding(file)
    file.seek(0)
    yield from _lines(io.TextIOWrapper(file, encoding, newline=""))


def _lines(text: io.TextIOWrapper) -> Iterator[Line]:
    separator = _separator(text)
    text.seek(0)
    csv.field_size_limit(LONGEST_CELL)
    rows = csv.reader(text, delimiter=separator)
    number = 0
    while True:
        number += 1
        try:
            cells = next(rows, None)
        except csv.Error:
            raise UnreadableError("cell", row=number, most=LONGEST_CELL) from None
        if cells is None:
            return
        yield Line(number, [_plain(one) if one[:1] in "'=" and one else one for one in cells])


def _plain(cell: str) -> str:
    """Undoes what keeps spreadsheets from computing; what they would compute stays a formula, and no value."""
    if cell[0] == "'":
        return unshield(cell)
    kept = _KEPT_TEXT.fullmatch(cell)
    return kept[1] if kept else FORMULA


def _separator(text: io.TextIOWrapper) -> str:
    """The one that the first line with anything in it has most of."""
    for line in iter(lambda: text.readline(PIECE), ""):
        if line.strip():
            bare = _QUOTED.sub("", line)
            return max(SEPARATORS, key=bare.count)
    raise UnreadableError("empty")


def _encoding(file: BinaryIO) -> str:
    file.seek(0)
    first = file.read(4)
    for bom, encoding in BOMS:
        if first.startswith(bom):
            if (bad := _first_bad(file, encoding)) is not None:
                raise UnreadableError("encoding", line=bad)
            return encoding
    bad = _first_bad(file, "utf-8")
    if bad is None:
        return "utf-8"
    if _first_bad(file, "gb18030") is None:
        return "gb18030"
    raise UnreadableError("encoding", line=bad)


def _first_bad(file: BinaryIO, encoding: str) -> int | None:
    """The line with the first byte that is none of this encoding; None: all are.

    Raises:
        UnreadableError: no text at all.
    """
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    while True:
        piece = file.read(PIECE)
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            return line + piece[: max(0, error.start)].count(b"\n")
        if "\0" in text or FORMULA[0] in text:
            raise UnreadableError("no_table")
        line += text.count("\n")
        if not piece:
            return None
