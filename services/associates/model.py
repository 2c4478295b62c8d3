"""Values of the directory. Authority: WeCom. A field that WeCom withholds never empties what is known."""

from dataclasses import dataclass

from shared.ids import UserId

ASSOCIATE = "associate"
"""Subject kind: one member, by userid."""
OUTLET = "outlet"
"""Subject kind: one department, by id in decimal."""


@dataclass(frozen=True)
class Associate:
    """An associate's outlet is their main department (ASG-11)."""

    userid: UserId
    name: str | None = None
    main_department_id: int | None = None
    department_ids: tuple[int, ...] | None = None
    leader_in: tuple[int, ...] | None = None
    direct_leaders: tuple[str, ...] | None = None
    status: int | None = None


@dataclass(frozen=True)
class Outlet:
    department_id: int
    name: str | None = None
    parent_id: int | None = None
    sort: int | None = None
    leaders: tuple[str, ...] | None = None
