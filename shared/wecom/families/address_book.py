"""Departments and members, as the app sees them."""

from collections.abc import Iterator

from shared.ids import UserId
from shared.wecom.apis import Api
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import every_row, listed, needed, needed_text, page_of
from shared.wecom.payloads.directory import Department, DepartmentNode, Member, MemberName, MemberPlace
from shared.wecom.payloads.pages import Page

USER_GET = Api("user/get")
USER_LIST = Api("user/list")
USER_NAMES = Api("user/simplelist")
USER_IDS = Api("user/list_id")
USER_OF_MOBILE = Api("user/getuserid")
USER_OF_EMAIL = Api("user/get_userid_by_email")
USER_TO_OPENID = Api("user/convert_to_openid")
OPENID_TO_USER = Api("user/convert_to_userid")
DEPARTMENT_GET = Api("department/get")
DEPARTMENT_LIST = Api("department/list")
DEPARTMENT_IDS = Api("department/simplelist")
IDS_PAGE_LIMIT = 10_000
ENVELOPE = frozenset({"errcode", "errmsg"})
"""What every answer has."""
CORP_EMAIL, PERSONAL_EMAIL = 1, 2


class AddressBook:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def member(self, userid: UserId) -> Member:
        """
        Raises:
            UnreachableError: WeCom answered with success and nothing else: that is no member.

        Source: WeCom server API, user/get.
        """
        answer = self._calls.get(USER_GET, {"userid": userid})
        return needed(USER_GET, Member, {"userid": userid, **answer} if answer.keys() - ENVELOPE else None)

    def members_in(self, department_id: int) -> tuple[Member, ...]:
        """Everyone in this department, not in those below it.

        Source: WeCom server API, user/list.
        """
        return listed(Member, self._calls.get(USER_LIST, {"department_id": str(department_id)}), "userlist")

    def names_in(self, department_id: int) -> tuple[MemberName, ...]:
        """As `members_in`, names only.

        Source: WeCom server API, user/simplelist.
        """
        return listed(MemberName, self._calls.get(USER_NAMES, {"department_id": str(department_id)}), "userlist")

    def places(self, *, cursor: str = "", limit: int = IDS_PAGE_LIMIT) -> Page[MemberPlace]:
        """One page of who is where, one row per member and department. For the contact-sync secret only.

        A page may end between two departments of one member: who is gone is known after the last page.

        Source: WeCom server API, user/list_id.
        """
        limits.between(USER_IDS, 1, IDS_PAGE_LIMIT, limit=limit)
        return page_of(MemberPlace, self._calls.post(USER_IDS, {"cursor": cursor, "limit": limit}), "dept_user")

    def every_place(self) -> Iterator[MemberPlace]:
        """All pages of `places`.

        Source: WeCom server API, user/list_id.
        """
        return every_row(lambda cursor: self.places(cursor=cursor))

    def userid_of_mobile(self, mobile: str) -> UserId:
        """Too many numbers of strangers block the app.

        Source: WeCom server API, user/getuserid.
        """
        return UserId(needed_text(USER_OF_MOBILE, self._calls.post(USER_OF_MOBILE, {"mobile": mobile}), "userid"))

    def userid_of_email(self, email: str, *, email_type: int = CORP_EMAIL) -> UserId:
        """email_type: 1 the corp's address, 2 a personal one.

        Source: WeCom server API, user/get_userid_by_email.
        """
        answer = self._calls.post(USER_OF_EMAIL, {"email": email, "email_type": email_type})
        return UserId(needed_text(USER_OF_EMAIL, answer, "userid"))

    def openid_of(self, userid: UserId) -> str:
        """For payments; 43004 without WeChat.

        Source: WeCom server API, user/convert_to_openid.
        """
        return needed_text(USER_TO_OPENID, self._calls.post(USER_TO_OPENID, {"userid": userid}), "openid")

    def userid_of_openid(self, openid: str) -> UserId:
        """Source: WeCom server API, user/convert_to_userid."""
        return UserId(needed_text(OPENID_TO_USER, self._calls.post(OPENID_TO_USER, {"openid": openid}), "userid"))

    def department(self, department_id: int) -> Department:
        """Source: WeCom server API, department/get."""
        answer = self._calls.get(DEPARTMENT_GET, {"id": str(department_id)})
        return needed(DEPARTMENT_GET, Department, answer.get("department"))

    def departments(self, *, below: int | None = None) -> tuple[Department, ...]:
        """This department and all below it, or all in sight. Slow at WeCom's side: prefer `department_ids`.

        Source: WeCom server API, department/list.
        """
        return listed(Department, self._calls.get(DEPARTMENT_LIST, _below(below)), "department")

    def department_ids(self, *, below: int | None = None) -> tuple[DepartmentNode, ...]:
        """As `departments`, the tree only.

        Source: WeCom server API, department/simplelist.
        """
        return listed(DepartmentNode, self._calls.get(DEPARTMENT_IDS, _below(below)), "department_id")


def _below(department_id: int | None) -> dict[str, str]:
    return {} if department_id is None else {"id": str(department_id)}
