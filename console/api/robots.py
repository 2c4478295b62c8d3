"""Group robots that speak to administrators in a group of theirs."""

from collections.abc import Iterable

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_looks import RobotBody, RobotEditBody, RobotPath
from console.api.gate import caller
from console.api.problems import ProblemError
from console.api.routes import operation
from console.api.told_looks import RobotOut, RobotsOut, RobotTestOut
from services.message_templates.shipped import shipped
from services.robots.model import Robot
from services.robots.store import add_robot, change_robot, delete_robot, load_robot, load_robots, want_test
from shared.api_keys import Scope
from shared.audit import Change

GROUP = "reminders"
ROBOT = "group_robot"
"""Subject kind in the audit."""


def robot_out(robot: Robot) -> RobotOut:
    shown = {name: getattr(robot, name) for name in RobotOut.model_fields if name != "notices"}
    return RobotOut(**shown, notices=list(robot.notices))


def _refuse_unknown(notices: Iterable[str]) -> None:
    known = {name.notice for name in shipped()}
    errors = [(f"/notices/{n}", "there is no such kind") for n, one in enumerate(notices) if one not in known]
    if errors:
        raise ProblemError(422, "invalid", "there are no such kinds of messages", errors=errors)


def _said(robot: Robot) -> dict[str, object]:
    """For the audit: all but the key."""
    return {"name": robot.name, "notices": list(robot.notices), "enabled": robot.enabled}


@operation("get", "/reminders/robots", Scope.REMINDERS_READ, RobotsOut, group=GROUP)
def list_robots() -> Response:
    """List the group robots, and which of them can speak."""
    return read(lambda work: RobotsOut(robots=[robot_out(one) for one in load_robots(work.connection, work.tenant)]))


@operation("post", "/reminders/robots", Scope.REMINDERS_WRITE, RobotOut, status=201, group=GROUP, once=True)
def make_robot(body: RobotBody) -> Response:
    """Let a group robot tell these kinds in the administrators' place."""
    _refuse_unknown(body.notices)

    def work(work: Work) -> Done:
        given = body.model_dump()
        robot = add_robot(work.connection, work.tenant, **given, by=caller().actor, now=work.now)
        return Done(robot_out(robot), 201, (Change("robot.made", ROBOT, str(robot.id), after=_said(robot)),))

    return write(work, once=True)


@operation("patch", "/reminders/robots/<id>", Scope.REMINDERS_WRITE, RobotOut, group=GROUP, once=True)
def edit_robot(path: RobotPath, body: RobotEditBody) -> Response:
    """Change a robot. Another key lets it speak again after its old one was refused."""
    wanted = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    _refuse_unknown(wanted.get("notices", ()))

    def work(work: Work) -> Done:
        before = load_robot(work.connection, work.tenant, path.id)
        robot = change_robot(work.connection, work.tenant, before, wanted, by=caller().actor, now=work.now)
        after = {name: value for name, value in _said(robot).items() if name in wanted}
        after |= {"key": "another one"} if robot.key != before.key else {}
        was = {name: value for name, value in _said(before).items() if name in after}
        return Done(robot_out(robot), 200, (Change("robot.changed", ROBOT, str(robot.id), was, after),))

    return write(work, once=True)


@operation("delete", "/reminders/robots/<id>", Scope.REMINDERS_WRITE, RobotsOut, group=GROUP)
def remove_robot(path: RobotPath) -> Response:
    """Delete a robot; what waits for it is not sent. Administrators are told themselves again."""

    def work(work: Work) -> Done:
        robot = load_robot(work.connection, work.tenant, path.id)
        delete_robot(work.connection, work.tenant.id, robot.id)
        left = RobotsOut(robots=[robot_out(one) for one in load_robots(work.connection, work.tenant)])
        return Done(left, 200, (Change("robot.deleted", ROBOT, str(robot.id), _said(robot)),))

    return write(work)


@operation(
    "post", "/reminders/robots/<id>/tests", Scope.REMINDERS_WRITE, RobotTestOut, status=202, group=GROUP, bare=True
)
def try_robot(path: RobotPath) -> Response:
    """Let a robot say that it is there, also one that is switched off: the message waits like any other."""

    def work(work: Work) -> Done:
        robot = load_robot(work.connection, work.tenant, path.id)
        id_ = want_test(work.connection, work.tenant.id, robot.id, by=caller().actor, now=work.now)
        return Done(RobotTestOut(notification_id=id_), 202, (Change("robot.tried", ROBOT, str(robot.id)),))

    return write(work)
