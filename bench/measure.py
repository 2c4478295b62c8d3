"""Results of repeated runs."""

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Line:
    """One contender's runs; `ratio` compares its median with the baseline's of the same session."""

    what: str
    runs: tuple[float, ...]
    unit: str
    ratio: float | None = None

    @property
    def median(self) -> float:
        return median(self.runs)

    def cells(self) -> tuple[str, ...]:
        numbers = (f"{value:,.0f}" for value in (self.median, min(self.runs), max(self.runs)))
        return (self.what, *numbers, self.unit, f"{self.ratio:.2f}x" if self.ratio else "")
