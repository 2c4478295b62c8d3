"""50,000 customers as a file (CUS-7)."""

import io
from datetime import datetime, timedelta

from services.files.jobs import ask
from services.files.model import Kind
from services.files.store import begin_file, load_file, load_piece
from shared.spreadsheets.model import Format
from shared.spreadsheets.reading import read_table
from tests.flows.jobs.town import LEVELS, Town

COLUMNS = ("id", "phones", "level")


class Exporting:
    """CSV: it goes on after its last page."""

    longest_s, in_peace = 1.5, 0
    format = Format.CSV

    def __init__(self, town: Town, count: int = 50_000) -> None:
        self.town, self._job, self._file, self._fence = town, 0, 0, 0
        self._ids = town.add_customers(count, cards=True)

    def begin(self) -> None:
        town, now = self.town, self.town.now
        asked: dict[str, object] = {
            "chosen": {"all": True}, "columns": COLUMNS, "format": self.format, "language": "en", "masked": False,
        }  # fmt: skip
        with town.runtime.engine.begin() as connection:
            self._file = begin_file(
                connection, town.tenant, origin="export", name="all", format_=self.format, by="x", now=now,
                until=now + timedelta(days=1),
            )  # fmt: skip
            self._job = ask(connection, town.tenant, Kind.EXPORT, asked, file_id=self._file, by="x", now=now)
        self._fence = 0

    def row(self) -> tuple[str, int, int, int]:
        """state, fence, reached, tries"""
        (found,) = self.town.rows("select state, fence, reached, tries from file_job where id = :id", id=self._job)
        return found  # type: ignore[return-value]

    def is_under_way(self, since: datetime) -> bool:
        """A process has taken it since this was asked and found last."""
        _, fence, _, _ = self.row()
        if fence <= self._fence:
            return False
        self._fence = fence
        return True

    def is_over(self) -> bool:
        return self.row()[0] not in ("checking", "running")

    def check(self) -> None:
        town = self.town
        assert self.row()[0] == "done"
        with town.runtime.engine.begin() as connection:
            file = load_file(connection, town.tenant, self._file, now=town.now)
            body = b"".join(load_piece(connection, town.tenant, self._file, n) for n in range(file.pieces))
        assert (file.state, file.size) == ("ready", len(body))
        table = read_table(io.BytesIO(body), self.format)
        cells = [line.cells for line in table.lines]
        assert [one[0] for one in cells] == [str(one) for one in self._ids]
        assert [one[2] for one in cells] == [LEVELS[one % 4] for one in self._ids]
        assert town.rows("select 1 from export_page") == []


class ExportingSheets(Exporting):
    """XLSX: begun anew each time. What dies five times and gets no further is given up, so each try gets further."""

    longest_s, in_peace = 0.3, 0
    format = Format.XLSX

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self._reached = 0

    def begin(self) -> None:
        super().begin()
        self._reached = 0

    def is_under_way(self, since: datetime) -> bool:
        """It is further than any try before."""
        _, _, reached, _ = self.row()
        if reached <= self._reached:
            return False
        self._reached = reached
        return True
