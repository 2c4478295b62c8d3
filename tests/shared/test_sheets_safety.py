"""Cells that a spreadsheet would take for formulas are texts there (GRP-7)."""

import csv
import io

import pytest

from shared.csv_sheets import CsvSheet
from shared.sheets_safety import csv_lines, neutralise
from tests.conftest import NOW


@pytest.mark.parametrize(
    "cell", ["=1+1", '=HYPERLINK("http://x")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "\r=1", "＝1", "+", "-"]
)
def test_what_begins_a_formula_is_neutralised(cell: str):
    """An apostrophe before it; nothing is lost (GRP-7)."""
    assert neutralise(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "新品", "-5", "+8613800138000", "-0.25", "a=b", "1e5", "2026-11-22"])
def test_numbers_and_other_texts_stay(cell: str):
    """A plain number is no formula (GRP-7)."""
    assert neutralise(cell) == cell


def test_lines_are_read_back_as_they_were():
    """Commas, quotes and line ends inside cells (GRP-7)."""
    rows = [["a,b", 'say "x"', "two\nlines", None, 5]]
    assert list(csv.reader(io.StringIO(csv_lines(rows).decode(), newline=""))) == [
        ["a,b", 'say "x"', "two\nlines", "", "5"]
    ]


@pytest.mark.parametrize(("language", "line"), [("zh", "群二维码"), ("en", "QR code"), ("fr", "QR code")])
def test_codes_are_words_and_times_are_of_the_place(language: str, line: str):
    """In the corp's language and time zone; a code nobody knows stays (GRP-7)."""
    words = {"scene": {3: ("群二维码", "QR code")}}
    sheet = CsvSheet(
        {"scene": ("方式", "by"), "at": ("时间", "at")}, words, language=language, timezone="Asia/Shanghai"
    )
    lines = sheet.lines([{"scene": 3, "at": NOW}, {"scene": 9, "at": None}], first=False)
    assert lines.decode() == f"{line},2026-11-22 10:00:00\r\n9,\r\n"
