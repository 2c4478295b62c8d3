"""Departments and members, as the app sees them."""

from shared.ids import UserId
from shared.wecom.apis import Api
from shared.wecom.calls import Calls
from shared.wecom.payloads import Department, Member, read_department, read_member

USER_GET = Api("user/get")
DEPARTMENT_GET = Api("department/get")


class AddressBook:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def member(self, userid: UserId) -> Member:
        """Source: WeCom server API, user/get."""
        return read_member({"userid": userid, **self._calls.get(USER_GET, {"userid": userid})})

    def department(self, department_id: int) -> Department:
        """Source: WeCom server API, department/get."""
        return read_department(self._calls.get(DEPARTMENT_GET, {"id": str(department_id)})["department"])
