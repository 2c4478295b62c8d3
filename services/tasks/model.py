"""Values of tasks on a customer. Authority: the retailer's people; WeCom knows nothing of them (CUS-13)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from services.planning import Fact
from shared.errors import TerminalError
from shared.ids import CustomerId, UserId


class TaskState(StrEnum):
    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class TaskRefusedError(TerminalError):
    """It cannot be changed so; the text says why."""


class NoTaskError(TerminalError):
    """There is no such task."""


@dataclass(frozen=True)
class Task:
    """`ended_at`, `ended_by`: when and by whom it was done or cancelled."""

    id: int
    customer_id: CustomerId
    title: str = field(repr=False)
    userid: UserId
    due_at: datetime | None
    state: TaskState
    made_at: datetime
    made_by: str
    ended_at: datetime | None
    ended_by: str | None


def refuse_change(task: Task, wanted: Mapping[str, object]) -> None:
    """What is over is only opened again; it is not edited on the quiet.

    Raises:
        TaskRefusedError: it is done or cancelled.
    """
    over = task.state is not TaskState.OPEN
    if over and wanted.get("state") != TaskState.OPEN and wanted not in ({}, {"state": task.state}):
        raise TaskRefusedError(f"this task is {task.state}: open it again first (state: open)")


@dataclass(frozen=True, kw_only=True)
class TaskFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = ("task", "task_id")
    task_id: int
    customer_id: CustomerId
    userid: UserId


@dataclass(frozen=True, kw_only=True)
class TaskMade(TaskFact):
    """An associate is to do something about a customer."""

    TYPE: ClassVar[str] = "task_made"
    due_at: str | None
    """ISO 8601; a fact's payload is JSON."""


@dataclass(frozen=True, kw_only=True)
class TaskDone(TaskFact):
    """A task is done: a contact (SOP-7)."""

    TYPE: ClassVar[str] = "task_done"


@dataclass(frozen=True, kw_only=True)
class TaskCancelled(TaskFact):
    """A task is not to be done any more."""

    TYPE: ClassVar[str] = "task_cancelled"


@dataclass(frozen=True, kw_only=True)
class TaskReopened(TaskFact):
    """A task that was over is to be done after all."""

    TYPE: ClassVar[str] = "task_reopened"


OF_STATE: Mapping[TaskState, type[TaskFact]] = {
    TaskState.DONE: TaskDone,
    TaskState.CANCELLED: TaskCancelled,
    TaskState.OPEN: TaskReopened,
}
