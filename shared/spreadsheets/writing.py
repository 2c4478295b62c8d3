"""Writes tables as streams of bytes, CSV or XLSX, with every cell a text that no spreadsheet computes.

XLSX is written here because what writes it elsewhere keeps the rows, in the clear, in a temporary file or in memory.
"""

import re
import zipfile
from collections.abc import Sequence
from typing import IO, Protocol, cast
from xml.sax.saxutils import escape

from shared.sheets_safety import BOM, csv_lines, neutralise
from shared.spreadsheets.model import Format, UnreadableError, letters

MOST_XLSX_ROWS = 1_048_576
"""The header among them. Source: Microsoft, Excel specifications and limits."""
FAST = 1
"""Level of compression: the next one takes twice as long for a tenth less."""
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPES}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="1" sheetId="1" r:id="rId1"/>'
    "</sheets></workbook>",
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
SHEET = "xl/worksheets/sheet1.xml"


class Writer(Protocol):
    """Bytes of the file so far unsaid, in the order of the calls."""

    def rows(self, rows: Sequence[Sequence[str]]) -> bytes: ...
    def end(self) -> bytes: ...


def make_writer(format_: Format, *, begun: bool = False) -> Writer:
    """`begun`: what comes is appended to a CSV file that has its beginning."""
    return XlsxWriter() if format_ is Format.XLSX else CsvWriter(begun=begun)


class CsvWriter:
    def __init__(self, *, begun: bool) -> None:
        self._begun = begun

    def rows(self, rows: Sequence[Sequence[str]]) -> bytes:
        begin = b"" if self._begun else BOM
        self._begun = True
        return begin + csv_lines(rows)

    def end(self) -> bytes:
        return b""


class _Sink:
    """What zipfile writes to: it cannot go back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found


class XlsxWriter:
    def __init__(self) -> None:
        self._sink = _Sink()
        self._archive = zipfile.ZipFile(cast("IO[bytes]", self._sink), "w", zipfile.ZIP_DEFLATED, compresslevel=FAST)
        for path, text in PARTS.items():
            self._archive.writestr(path, HEAD + text)
        # A fixed time: two files of the same rows are the same bytes.
        part = zipfile.ZipInfo(SHEET)
        part.compress_type, part._compresslevel = zipfile.ZIP_DEFLATED, FAST  # type: ignore[attr-defined]
        self._sheet = self._archive.open(part, "w")
        self._sheet.write(f'{HEAD}<worksheet xmlns="{MAIN}"><sheetData>'.encode())
        self._count = 0

    def rows(self, rows: Sequence[Sequence[str]]) -> bytes:
        """
        Raises:
            UnreadableError: more than a sheet holds.
        """
        parts: list[str] = []
        for cells in rows:
            self._count += 1
            number = self._count
            parts.append(f'<row r="{number}">')
            parts += [
                f'<c r="{_letters(at)}{number}" t="inlineStr"><is><t xml:space="preserve">{_xml(cell)}</t></is></c>'
                for at, cell in enumerate(cells)
                if cell
            ]
            parts.append("</row>")
        if self._count > MOST_XLSX_ROWS:
            raise UnreadableError("xlsx_rows", most=MOST_XLSX_ROWS)
        try:
            self._sheet.write("".join(parts).encode())
        except RuntimeError:  # zipfile: beyond 2 GiB, which spreadsheets do not open
            raise UnreadableError("xlsx_rows", most=MOST_XLSX_ROWS) from None
        return self._sink.take()

    def end(self) -> bytes:
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()
        self._archive.close()
        return self._sink.take()


_NAMES = [letters(at) for at in range(256)]


def _letters(at: int) -> str:
    return _NAMES[at]


def _xml(cell: str) -> str:
    """Neutralised although it is a text: whoever saves the sheet as CSV would have the formula otherwise."""
    text = neutralise(cell)
    if not text.isprintable():
        text = _FORBIDDEN.sub("", text)
    return escape(text) if "&" in text or "<" in text or ">" in text else text
