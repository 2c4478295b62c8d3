"""What the plays of a session came to: how much happened in them, which failed, and how long they took."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Scores:
    seeds: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        if not self.seeds:
            return []
        counts = ", ".join(f"{n} {name}" for name, n in sorted(self.counts.items()))
        found = f"seeds that failed: {self.failed}" if self.failed else "all agree"
        pace = self.seconds / len(self.seeds)
        return [
            f"convergence: {len(self.seeds)} seeds in {self.seconds:.0f} s ({pace:.1f} s each), {found}",
            f"convergence: {counts}",
        ]


SCORES = Scores()
