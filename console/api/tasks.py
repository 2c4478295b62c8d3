"""Tasks on customers, and on the lists of associates (CUS-13)."""

from typing import Any

from flask import Response

from console.api import cursors
from console.api.acting import Done, Work, read, write
from console.api.asked import CustomerPath
from console.api.asked_persons import TaskBody, TaskEditBody, TaskPath, TasksQuery
from console.api.customers import sheet_of
from console.api.gate import caller
from console.api.notes import locked
from console.api.problems import ProblemError
from console.api.routes import operation
from console.api.told_persons import TaskOut, TasksOut
from services.planning import Fact
from services.tasks.model import OF_STATE, NoTaskError, Task, TaskMade, refuse_change
from services.tasks.store import add_task, change_task, customer_of_task, knows_associate, load_task, page_tasks
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import CustomerId, UserId

GROUP = "tasks"


def _page(work: Work, query: TasksQuery, customer_id: CustomerId | None) -> TasksOut:
    after = cursors.decode(query.cursor)
    rows = page_tasks(
        work.connection,
        work.tenant,
        customer_id=customer_id,
        userid=UserId(query.userid) if query.userid else None,
        finished=query.finished,
        before=after.id if after else None,
        limit=query.limit + 1,
    )
    shown = rows[: query.limit]
    more = cursors.encode(shown[-1].id) if len(rows) > len(shown) else None
    return TasksOut(tasks=[TaskOut(**one.__dict__) for one in shown], next_cursor=more)


@operation("get", "/customers/<id>/tasks", Scope.CUSTOMERS_READ, TasksOut, group=GROUP)
def list_tasks_of_customer(path: CustomerPath, query: TasksQuery) -> Response:
    """List what is to be done about a customer, newest first; finished ones on request."""
    return read(lambda work: _page(work, query, sheet_of(work, path.id).customer_id))


@operation("get", "/tasks", Scope.CUSTOMERS_READ, TasksOut, group=GROUP)
def list_tasks(query: TasksQuery) -> Response:
    """List what an associate (`userid`), or everybody, is to do, newest first; finished ones on request."""
    return read(lambda work: _page(work, query, None))


@operation("post", "/customers/<id>/tasks", Scope.CUSTOMERS_WRITE, TaskOut, status=201, group=GROUP, once=True)
def post_task(path: CustomerPath, body: TaskBody) -> Response:
    """Give an associate something to do about a customer."""

    def work(work: Work) -> Done:
        customer_id = locked(work, path.id)
        _check(work, body.userid)
        task = add_task(
            work.connection,
            work.tenant,
            customer_id,
            title=body.title,
            userid=UserId(body.userid),
            due_at=body.due_at,
            by=caller().actor,
            now=work.now,
        )
        after = {"customer_id": customer_id, "title": task.title, "userid": task.userid, "due_at": task.due_at}
        due_at = task.due_at.isoformat() if task.due_at else None
        fact = TaskMade(
            occurred_at=work.now, task_id=task.id, customer_id=customer_id, userid=task.userid, due_at=due_at
        )
        return Done(TaskOut(**task.__dict__), 201, (Change("task.made", "task", str(task.id), {}, after),), (fact,))

    return write(work, once=True)


def _check(work: Work, userid: str) -> None:
    if not knows_associate(work.connection, work.tenant.id, UserId(userid)):
        why = "no associate of this corp has this userid"
        raise ProblemError(422, "invalid", why, errors=[("/userid", why)])


@operation("get", "/tasks/<id>", Scope.CUSTOMERS_READ, TaskOut, group=GROUP)
def show_task(path: TaskPath) -> Response:
    """Show one task."""
    return read(lambda work: TaskOut(**_task(work, path.id).__dict__))


def _task(work: Work, task_id: int) -> Task:
    task = load_task(work.connection, work.tenant, task_id)
    if task is None:
        raise NoTaskError("there is no such task")
    return task


@operation("patch", "/tasks/<id>", Scope.CUSTOMERS_WRITE, TaskOut, group=GROUP, once=True)
def change_task_(path: TaskPath, body: TaskEditBody) -> Response:
    """Change a task, or its state: done counts as contact (SOP-7). What is over is opened again before it is edited."""
    given = body.model_dump(exclude_unset=True)
    wanted = {name: value for name, value in given.items() if value is not None or name == "due_at"}

    def work(work: Work) -> Done:
        customer_id = customer_of_task(work.connection, work.tenant.id, path.id)
        if customer_id is not None:  # first, as who reminds of silence, merges or writes a note does
            locked(work, customer_id)
        before = _task(work, path.id)
        differing = {name: value for name, value in wanted.items() if getattr(before, name) != value}
        refuse_change(before, differing)
        if not differing:
            return Done(TaskOut(**before.__dict__))
        if "userid" in differing:
            _check(work, str(differing["userid"]))
        task = change_task(work.connection, work.tenant, before, differing, by=caller().actor, now=work.now)
        was = {name: getattr(before, name) for name in differing}
        facts = _facts(work, before, task)
        return Done(TaskOut(**task.__dict__), 200, (_change(task, was, differing),), facts)

    return write(work, once=True)


def _change(task: Task, before: dict[str, Any], after: dict[str, Any]) -> Change:
    return Change("task.changed", "task", str(task.id), before, after)


def _facts(work: Work, before: Task, task: Task) -> tuple[Fact, ...]:
    if task.state is before.state:
        return ()
    kind = OF_STATE[task.state]
    return (kind(occurred_at=work.now, task_id=task.id, customer_id=task.customer_id, userid=task.userid),)
