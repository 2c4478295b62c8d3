"""Ids of one subject (corp, provider, official account) turned into another's."""

from collections.abc import Sequence

from shared.ids import ExternalUserId, UserId
from shared.wecom.apis import Api
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import listed, needed, needed_text
from shared.wecom.payloads.conversions import (
    FoundContact,
    OpenUser,
    OpenUsers,
    PendingContact,
    RenewedContact,
    TemporaryContact,
    TemporaryContacts,
)
from shared.wecom.payloads.reading import texts

OF_UNIONID = Api("externalcontact/unionid_to_external_userid")
FIND = Api("idconvert/unionid_to_external_userid")
PENDING = Api("idconvert/batch/external_userid_to_pending_id")
TO_SERVICE = Api("externalcontact/to_service_external_userid")
FROM_SERVICE = Api("externalcontact/from_service_external_userid")
TO_USERIDS = Api("batch/openuserid_to_userid")
TO_OPEN_USERIDS = Api("batch/userid_to_openuserid")
TEMPORARY = Api("idconvert/convert_tmp_external_userid")
OPENID = Api("externalcontact/convert_to_openid")
RENEWED = Api("externalcontact/get_new_external_userid")


class Conversions:
    """No call leads a self-built app from a unionid to a contact: it keeps its own index of what reads show."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    # of a self-built app

    def from_service(self, external_userid: ExternalUserId, *, source_agentid: int) -> ExternalUserId:
        """The corp's own id of a contact that a provider's app knows by another.

        Source: WeCom server API, externalcontact/from_service_external_userid.
        """
        body = {"external_userid": external_userid, "source_agentid": source_agentid}
        return ExternalUserId(needed_text(FROM_SERVICE, self._calls.post(FROM_SERVICE, body), "external_userid"))

    def userids(self, open_userids: Sequence[str], *, source_agentid: int | None = None) -> OpenUsers:
        """The plain ids of up to 1000 members; none are named twice. Bots' ids come without `source_agentid`.

        Source: WeCom server API, batch/openuserid_to_userid.
        """
        limits.count(TO_USERIDS, 1000, least=1, open_userid_list=open_userids)
        body = {"open_userid_list": [*open_userids], "source_agentid": source_agentid}
        answer = self._calls.post(TO_USERIDS, body)
        return OpenUsers(listed(OpenUser, answer, "userid_list"), texts(answer.get("invalid_open_userid_list")) or ())

    def temporary(self, ids: Sequence[str], *, business_type: int, user_type: int) -> TemporaryContacts:
        """Who is behind up to 100 temporary ids that this app was given.

        business_type: 1 meeting, 2 form, 3 document. user_type: 1 customer, 2 linked corp, 3 up/downstream, 4 circle.

        Source: WeCom server API, idconvert/convert_tmp_external_userid.
        """
        limits.count(TEMPORARY, 100, least=1, tmp_external_userid_list=ids)
        body = {"business_type": business_type, "user_type": user_type, "tmp_external_userid_list": [*ids]}
        answer = self._calls.post(TEMPORARY, body)
        invalid = texts(answer.get("invalid_tmp_external_userid_list")) or ()
        return TemporaryContacts(listed(TemporaryContact, answer, "results"), invalid)

    def openid(self, external_userid: ExternalUserId) -> str:
        """Of a WeChat user only.

        Source: WxJava's client, externalcontact/convert_to_openid.
        """
        return needed_text(OPENID, self._calls.post(OPENID, {"external_userid": external_userid}), "openid")

    # of a provider's app

    def of_unionid(self, unionid: str, openid: str) -> ExternalUserId:
        """Source: WeCom server API, externalcontact/unionid_to_external_userid."""
        answer = self._calls.post(OF_UNIONID, {"unionid": unionid, "openid": openid})
        return ExternalUserId(needed_text(OF_UNIONID, answer, "external_userid"))

    def find(self, unionid: str, openid: str, *, subject_type: int) -> FoundContact:
        """subject_type: whose account the ids are of, 0 the corp's, 1 the provider's.

        Source: WeCom server API, idconvert/unionid_to_external_userid.
        """
        body = {"unionid": unionid, "openid": openid, "subject_type": subject_type}
        return needed(FIND, FoundContact, self._calls.post(FIND, body))

    def pending(self, ids: Sequence[ExternalUserId], *, chat_id: str | None = None) -> tuple[PendingContact, ...]:
        """Up to 100 contacts; those whose unionid was asked for before have a pending id.

        Source: PowerWeChat's client, idconvert/batch/external_userid_to_pending_id.
        """
        limits.count(PENDING, 100, least=1, external_userid=ids)
        answer = self._calls.post(PENDING, {"chat_id": chat_id, "external_userid": [*ids]})
        return listed(PendingContact, answer, "result")

    def to_service(self, external_userid: ExternalUserId) -> ExternalUserId:
        """The provider's id of the contact.

        Source: WeCom server API, externalcontact/to_service_external_userid.
        """
        answer = self._calls.post(TO_SERVICE, {"external_userid": external_userid})
        return ExternalUserId(needed_text(TO_SERVICE, answer, "external_userid"))

    def open_userids(self, userids: Sequence[UserId]) -> OpenUsers:
        """As `userids`, the other way. Too many wrong ids block the app for a day.

        Source: WeCom server API, batch/userid_to_openuserid.
        """
        limits.count(TO_OPEN_USERIDS, 1000, least=1, userid_list=userids)
        answer = self._calls.post(TO_OPEN_USERIDS, {"userid_list": [*userids]})
        invalid = texts(answer.get("invalid_userid_list")) or ()
        return OpenUsers(listed(OpenUser, answer, "open_userid_list"), invalid)

    def renewed(self, ids: Sequence[ExternalUserId]) -> tuple[RenewedContact, ...]:
        """The ids after the change of 2022.

        Source: WxJava's client, externalcontact/get_new_external_userid.
        """
        answer = self._calls.post(RENEWED, {"external_userid_list": [*ids]})
        return listed(RenewedContact, answer, "items")
