"""External contacts and their follow relations."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from shared.errors import RetryableError
from shared.ids import ExternalUserId, UserId
from shared.wecom.apis import Api
from shared.wecom.calls import Calls
from shared.wecom.errors import NO_RELATION, NOT_VISIBLE, WeComError
from shared.wecom.payloads import BatchPage, ContactRead, read_profile, read_relation

FOLLOW_USERS = Api("externalcontact/get_follow_user_list")
GET = Api("externalcontact/get")
LIST = Api("externalcontact/list")
BATCH = Api("externalcontact/batch/get_by_user")
PAGE_LIMIT = 100

log = structlog.get_logger()


class Contacts:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def follow_users(self) -> tuple[UserId, ...]:
        """Members that have the customer-contact function and are in the app's sight.

        Source: WeCom server API, externalcontact/get_follow_user_list.
        """
        answer = self._calls.get(FOLLOW_USERS)
        return tuple(UserId(str(userid)) for userid in answer.get("follow_user") or ())

    def get(self, external_userid: ExternalUserId) -> ContactRead:
        """One contact with every follower in sight (all pages); no relation in sight is an empty read, not an error.

        Source: WeCom server API, externalcontact/get.
        """
        relations, cursor, profile = [], "", None
        while True:
            query = {"external_userid": external_userid} | ({"cursor": cursor} if cursor else {})
            try:
                answer = self._calls.get(GET, query)
            except WeComError as error:
                if error.code not in NO_RELATION | NOT_VISIBLE:
                    raise
                if cursor:
                    raise RetryableError("the contact changed while its pages were read") from None
                return ContactRead(None, ())
            profile = profile or read_profile(answer["external_contact"])
            relations += [read_relation(one) for one in _usable(answer.get("follow_user"), "userid")]
            cursor = answer.get("next_cursor") or ""
            if not cursor:
                return ContactRead(profile, tuple(relations))

    def list(self, userid: UserId) -> tuple[ExternalUserId, ...]:
        """All contacts that a member follows; 84061 means that there are none.

        Source: WeCom server API, externalcontact/list.
        """
        try:
            answer = self._calls.get(LIST, {"userid": userid})
        except WeComError as error:
            if error.code in NO_RELATION:
                return ()
            raise
        return tuple(ExternalUserId(str(one)) for one in answer.get("external_userid") or ())

    def batch(self, userids: tuple[UserId, ...], *, cursor: str = "") -> BatchPage:
        """One page of the relations of up to 100 members. `cursor` is opaque; "" starts over.

        A page may be short or even empty and not be the last. Personal tags are left out: absence says nothing.

        Source: WeCom server API, externalcontact/batch/get_by_user.
        """
        answer = self._calls.post(BATCH, {"userid_list": list(userids), "cursor": cursor, "limit": PAGE_LIMIT})
        rows = [
            row
            for row in answer.get("external_contact_list") or ()
            if _usable([row.get("external_contact") or {}], "external_userid")
            and _usable([row.get("follow_info") or {}], "userid")
        ]
        return BatchPage(
            rows=tuple((read_profile(r["external_contact"]), read_relation(r["follow_info"])) for r in rows),
            next_cursor=answer.get("next_cursor") or "",
        )


def _usable(rows: Sequence[Mapping[str, Any]] | None, key: str) -> Sequence[Mapping[str, Any]]:
    """Rows that name what they are about; some corps have been given rows that do not."""
    named = [row for row in rows or () if row.get(key)]
    if len(named) < len(rows or ()):
        log.warning("wecom.nameless_rows", key=key, rows=len(rows or ()) - len(named))
    return named
