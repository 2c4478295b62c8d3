"""Says by its first bytes what a file is, and reads it as that. A name or a media type proves nothing."""

from typing import BinaryIO

from shared.spreadsheets.csv_reading import csv_lines
from shared.spreadsheets.model import Format, Table, UnreadableError, table_of
from shared.spreadsheets.xlsx_reading import xlsx_lines

ZIP, COMPOUND, PDF = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"%PDF"
FIRST_BYTES = 512


def format_of(first: bytes) -> Format:
    """
    Raises:
        UnreadableError: the beginning of a file of some other kind.
    """
    if not first:
        raise UnreadableError("empty")
    if first.startswith(COMPOUND):
        raise UnreadableError("old_excel")
    if first.startswith(ZIP):
        return Format.XLSX
    wide = first.startswith((b"\xff\xfe", b"\xfe\xff"))
    if first.startswith((PDF, b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"7z")) or (
        b"\0" in first and not wide
    ):
        raise UnreadableError("no_table")
    return Format.CSV


def read_table(file: BinaryIO, format_: Format) -> Table:
    """The table in a seekable file; its rows are read as they are asked for.

    Raises:
        UnreadableError: here, or while rows are read.
    """
    return table_of(csv_lines(file) if format_ is Format.CSV else xlsx_lines(file))
