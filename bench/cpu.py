"""How busy the machine is, and how much of that is this benchmark: figures of a busy machine mean little."""

import os
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

TICKS = os.sysconf("SC_CLK_TCK")
PPID, USER, SYSTEM = 1, 11, 12
"""Fields of /proc/<pid>/stat, counted after the name."""


@dataclass(frozen=True)
class Cpu:
    """CPU seconds since whenever: of the machine, and of this process with all that it started."""

    at: float
    machine_s: float
    ours_s: float

    def since(self, before: "Cpu") -> str:
        past_s = self.at - before.at
        busy, ours = (self.machine_s - before.machine_s) / past_s, (self.ours_s - before.ours_s) / past_s
        return f"{busy:.1f} of {os.cpu_count()} cores busy, {ours:.1f} with this"


def used() -> Cpu:
    """What processes used that have ended meanwhile is not ours any more; ours live as long as the benchmark."""
    user, nice, system, _idle, _waiting, irq, soft_irq, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            parents[int(entry.name)] = int(fields[PPID])
            ticks[int(entry.name)] = int(fields[USER]) + int(fields[SYSTEM])
    ours = sum(spent for pid, spent in ticks.items() if _is_ours(pid, parents))
    return Cpu(monotonic(), (user + nice + system + irq + soft_irq) / TICKS, ours / TICKS)


def _is_ours(pid: int, parents: dict[int, int]) -> bool:
    while pid and pid != os.getpid():
        pid = parents.get(pid, 0)
    return pid == os.getpid()
