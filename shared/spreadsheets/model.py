"""What a table in a file may be, and how it is said that it is not. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

MOST_ROWS = 200_000
MOST_COLUMNS = 100
LONGEST_CELL = 32_767
"""Characters. Source: Microsoft, Excel specifications and limits."""
FORMULA = "\ufff9formula"
"""Instead of the text of a cell whose formula was never computed. No file may hold it: the character is refused."""


class Format(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


class UnreadableError(Exception):
    """The file as a whole cannot be read. `code` is one of `services/files/words.py`, `values` fill its text."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code, self.values = code, values


@dataclass(frozen=True)
class Line:
    """A row of the file: `number` as the spreadsheet shows it, from 1."""

    number: int
    cells: list[str]


@dataclass(frozen=True)
class Table:
    """`header`: the first row that is not blank. `lines`: what follows, blank rows left out."""

    header: Line
    lines: Iterator[Line]


def table_of(lines: Iterator[Line]) -> Table:
    """Bounds every row on its way, and takes the first one as the header.

    Raises:
        UnreadableError: no header, or one that names no columns or one twice; later, from `lines`: too many rows.
    """
    bounded = _bounded(lines)
    header = next(bounded, None)
    if header is None:
        raise UnreadableError("empty")
    names = [" ".join(one.split()) for one in header.cells]
    while names and not names[-1]:
        names.pop()
    for at, name in enumerate(names):
        if name and (first := names.index(name)) < at:
            raise UnreadableError("header_twice", first=letters(first), second=letters(at))
    return Table(Line(header.number, names), _counted(bounded))


def _bounded(lines: Iterator[Line]) -> Iterator[Line]:
    for line in lines:
        cells = line.cells
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > MOST_COLUMNS:
            raise UnreadableError("columns", row=line.number, count=len(cells), most=MOST_COLUMNS)
        if any(not one.isspace() for one in cells if one):
            yield line


def _counted(lines: Iterator[Line]) -> Iterator[Line]:
    for count, line in enumerate(lines, 1):
        if count > MOST_ROWS:
            raise UnreadableError("rows", most=MOST_ROWS)
        yield line


_SHIELDED = tuple("=+-@\t\r\n＝＋－＠")


def unshield(cell: str) -> str:
    """Without the apostrophe that `neutralise`, or somebody's like it, has put before what looks like a formula."""
    return cell[1:] if cell[1:].startswith(_SHIELDED) else cell


def letters(column: int) -> str:
    """A column's name in a spreadsheet; 0 is A."""
    name = ""
    column += 1
    while column:
        column, left = divmod(column - 1, 26)
        name = chr(65 + left) + name
    return name
