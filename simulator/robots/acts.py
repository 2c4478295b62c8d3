"""What people do with group robots: put one into a group, and take it out."""

import uuid

from simulator.acting import ImpossibleError, Order, Outcome
from simulator.records import Corp
from simulator.robots.book import Robot, RobotBook
from simulator.world import World


def make_robot(_: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    unknown = order.keys() - {"name"}
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    robot = Robot(str(uuid.uuid4()), str(order.get("name") or "群机器人"))
    corp.book(RobotBook).robots[robot.key] = robot
    return Outcome({"key": robot.key})


def remove_robot(_: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    robot = corp.book(RobotBook).robots.get(str(order["key"]))
    if robot is None or robot.removed:
        raise ImpossibleError("no such robot")
    robot.removed = True
    return Outcome({"key": robot.key})


ACTS = {"make_robot": make_robot, "remove_robot": remove_robot}
