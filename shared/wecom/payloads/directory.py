"""Departments and members. Every field but the id may be missing: what the app may see differs by corp and by age."""

from dataclasses import dataclass, field

from shared.ids import UserId
from shared.wecom.payloads.reading import AN_ID, IDENTITY, Json, called, derived, reader


@dataclass(frozen=True)
class _Leads:
    """Two parallel lists: the member's departments, and whether they lead each."""

    department: tuple[int, ...] | None
    is_leader_in_dept: tuple[int, ...] | None


def _leader_in(payload: Json) -> tuple[int, ...] | None:
    leads: _Leads = reader(_Leads)(payload)
    if leads.department is None or leads.is_leader_in_dept is None:
        return None
    return tuple(one for one, lead in zip(leads.department, leads.is_leader_in_dept, strict=False) if lead)


@dataclass(frozen=True)
class Member:
    """status: 1 activated, 2 disabled, 4 not activated, 5 left. gender: "0" unknown, "1", "2".

    Newer apps get none of avatar, gender, mobile, email, biz_mail, qr_code and address.
    """

    userid: UserId = field(metadata=IDENTITY | AN_ID)
    name: str | None
    main_department: int | None
    departments: tuple[int, ...] | None = field(metadata=called("department"))
    leader_in: tuple[int, ...] | None = field(metadata=derived(_leader_in))
    direct_leaders: tuple[str, ...] | None = field(metadata=called("direct_leader"))
    status: int | None
    alias: str | None
    position: str | None
    external_position: str | None
    order: tuple[int, ...] | None
    telephone: str | None
    mobile: str | None
    email: str | None
    biz_mail: str | None
    gender: str | None
    avatar: str | None
    thumb_avatar: str | None
    qr_code: str | None
    address: str | None
    open_userid: str | None
    extattr: Json | None
    external_profile: Json | None


@dataclass(frozen=True)
class MemberName:
    """One row of user/simplelist."""

    userid: UserId = field(metadata=IDENTITY | AN_ID)
    name: str | None
    departments: tuple[int, ...] | None = field(metadata=called("department"))
    open_userid: str | None


@dataclass(frozen=True)
class MemberPlace:
    """One row of user/list_id: one per member and department."""

    userid: UserId = field(metadata=IDENTITY | AN_ID)
    department: int | None


@dataclass(frozen=True)
class Department:
    """The root's id is 1. A larger `order` sorts first. `leaders` holds those that the app may see."""

    id: int = field(metadata=IDENTITY)
    name: str | None
    parent_id: int | None = field(metadata=called("parentid"))
    order: int | None
    leaders: tuple[str, ...] | None = field(metadata=called("department_leader"))
    name_en: str | None


@dataclass(frozen=True)
class DepartmentNode:
    """One row of department/simplelist. The parent may be out of the app's sight."""

    id: int = field(metadata=IDENTITY)
    parent_id: int | None = field(metadata=called("parentid"))
    order: int | None
