"""Cells and CSV files that a spreadsheet shows as they are: no cell of ours becomes a formula there. Pure.

Source: OWASP, CSV injection. Spreadsheets also take full-width signs for formulas in East Asian locales.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

BOM = b"\xef\xbb\xbf"
"""Before the first line: without it Excel reads UTF-8 as the machine's own encoding."""
_BEGINS_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def neutralise(cell: str) -> str:
    """The cell, with an apostrophe before it where a spreadsheet would take it for a formula; numbers stay numbers."""
    if cell.startswith(_BEGINS_FORMULA) and not _PLAIN_NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


def csv_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as lines of a CSV file in UTF-8, each text neutralised; None is an empty cell."""
    written = io.StringIO(newline="")
    csv.writer(written).writerows([neutralise("" if cell is None else str(cell)) for cell in row] for row in rows)
    return written.getvalue().encode()
