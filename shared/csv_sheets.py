"""Rows as a person reads them in a spreadsheet: titles and codes in their language, times of their place. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from shared.sheets_safety import csv_lines

Titles = Mapping[str, tuple[str, str]]
"""Column -> its title in Chinese and in English."""
Words = Mapping[str, Mapping[object, tuple[str, str]]]
"""Column -> its codes in Chinese and in English; a code that is not listed is written as it is."""


class CsvSheet:
    """How rows become lines. `language` as of tenants: zh, anything else is English."""

    def __init__(self, titles: Titles, words: Words, *, language: str, timezone: str) -> None:
        self._titles, self._words, self._zone = titles, words, ZoneInfo(timezone)
        self._language = 0 if language == "zh" else 1

    def lines(self, rows: Sequence[Mapping[Any, Any]], *, first: bool) -> bytes:
        """`first`: with the line of titles before them."""
        head = [[both[self._language] for both in self._titles.values()]] if first else []
        return csv_lines([*head, *([self._cell(name, row[name]) for name in self._titles] for row in rows)])

    def _cell(self, name: str, value: object) -> object:
        if isinstance(value, datetime):
            return f"{value.astimezone(self._zone):%Y-%m-%d %H:%M:%S}"
        words = self._words.get(name, {}).get(value)
        return words[self._language] if words else value
