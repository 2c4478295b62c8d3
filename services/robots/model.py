"""Values of group robots. Pure. Authority: ours; WeCom knows only the key."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.errors import TerminalError

TEST = "robot_test"
"""The notice of a message that only shows that a robot speaks; no fact has it."""
MOST_ROBOTS = 100
LONGEST_REST = timedelta(hours=1)
"""What is noted for longer than that was noted by a clock that ran ahead, and counts for nothing."""
PREFIX = "robot:"


class NoRobotError(TerminalError):
    """There is no such robot."""


class RobotRefusedError(TerminalError):
    """A robot cannot be so; the text says why."""


@dataclass(frozen=True)
class Robot:
    """`notices`: kinds that it tells administrators in their place. `closed_until`: it spoke too often.

    `problem`: why it can speak no more; administrators are told themselves again until its key is changed.
    """

    id: int
    name: str
    notices: tuple[str, ...]
    enabled: bool
    closed_until: datetime | None
    problem: str | None
    updated_at: datetime
    updated_by: str
    key: str = field(repr=False)

    @property
    def speaks(self) -> bool:
        return self.enabled and self.problem is None

    def rests(self, now: datetime) -> bool:
        return self.closed_until is not None and now < self.closed_until <= now + LONGEST_REST


def recipient_of(robot_id: int) -> str:
    """As rows of the outbox name it; no userid has a colon."""
    return f"{PREFIX}{robot_id}"


def is_robot(recipient: str) -> bool:
    return recipient.startswith(PREFIX)


def robot_id_of(recipient: str) -> int:
    return int(recipient.removeprefix(PREFIX))
