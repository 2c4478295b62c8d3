"""Ways to become a customer (「联系我」), and the temporary chats that some of them open."""

from collections.abc import Iterator

from shared.ids import ExternalUserId, UserId
from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import cursor_of, every_row, needed
from shared.wecom.families.attachments import TEXT_BYTES, check
from shared.wecom.payloads.contact_ways import Conclusions, ContactWay, ContactWaySettings, NewContactWay
from shared.wecom.payloads.pages import Page
from shared.wecom.payloads.reading import texts, written

ADD = Api("externalcontact/add_contact_way", Repeat.ONCE)
GET = Api("externalcontact/get_contact_way")
LIST = Api("externalcontact/list_contact_way")
UPDATE = Api("externalcontact/update_contact_way", Repeat.SAME)
DELETE = Api("externalcontact/del_contact_way", Repeat.SAME)
CLOSE = Api("externalcontact/close_temp_chat", Repeat.ONCE)
SINGLE, MULTI = 1, 2
PAGE_LIMIT = 1000
PEOPLE = 100
LONGEST_S = 14 * limits.DAY_S


class ContactWays:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def add(
        self,
        settings: ContactWaySettings,
        *,
        type: int,
        scene: int,
        is_temp: bool | None = None,
        is_exclusive: bool | None = None,
    ) -> NewContactWay:
        """Make a way; keep its `config_id`. type: 1 single, 2 multi; scene: 1 mini program, 2 QR code.

        Source: WeCom server API, externalcontact/add_contact_way.
        """
        _check(ADD, settings)
        user = settings.user or ()
        if type == SINGLE and (len(user) != 1 or settings.party):
            raise ValueError(f"{ADD.path}: a way of type 1 has one user and no party")
        if type == MULTI:
            limits.some(ADD, user=user, party=settings.party)
        what = {"type": type, "scene": scene, "is_temp": is_temp, "is_exclusive": is_exclusive}
        return needed(ADD, NewContactWay, self._calls.post(ADD, {**what, **written(settings)}))

    def get(self, config_id: str) -> ContactWay:
        """Source: WeCom server API, externalcontact/get_contact_way."""
        return needed(GET, ContactWay, self._calls.post(GET, {"config_id": config_id}).get("contact_way"))

    def list(self, *, start_time: int | None = None, end_time: int | None = None, cursor: str = "") -> Page[str]:
        """One page of the `config_id`s of ways made in the window (Unix seconds; WeCom's default: the last 90 days).

        Those made before 2021-07-10 and temporary ones are not listed.

        Source: WeCom server API, externalcontact/list_contact_way.
        """
        body = {"start_time": start_time, "end_time": end_time, "cursor": cursor or None, "limit": PAGE_LIMIT}
        answer = self._calls.post(LIST, body)
        return Page(texts(answer.get("contact_way"), inside="config_id") or (), cursor_of(answer))

    def every_way(self, *, start_time: int | None = None, end_time: int | None = None) -> Iterator[str]:
        """All pages of `list`.

        Source: WeCom server API, externalcontact/list_contact_way.
        """
        return every_row(lambda cursor: self.list(start_time=start_time, end_time=end_time, cursor=cursor))

    def update(self, config_id: str, settings: ContactWaySettings) -> None:
        """Overwrite what is given.

        Source: WeCom server API, externalcontact/update_contact_way.
        """
        _check(UPDATE, settings)
        self._calls.post(UPDATE, {"config_id": config_id, **written(settings)})

    def delete(self, config_id: str) -> None:
        """Source: WeCom server API, externalcontact/del_contact_way."""
        self._calls.post(DELETE, {"config_id": config_id})

    def close_temp_chat(self, userid: UserId, external_userid: ExternalUserId) -> None:
        """End a live temporary chat; the customer gets its conclusions first.

        Source: WeCom server API, externalcontact/close_temp_chat.
        """
        self._calls.post(CLOSE, {"userid": userid, "external_userid": external_userid})


def _check(api: Api, settings: ContactWaySettings) -> None:
    limits.chars(api, 30, remark=settings.remark, state=settings.state)
    limits.count(api, PEOPLE, user=settings.user)
    limits.between(api, 1, LONGEST_S, expires_in=settings.expires_in, chat_expires_in=settings.chat_expires_in)
    if settings.conclusions is not None:
        _check_conclusions(api, settings.conclusions)


def _check_conclusions(api: Api, said: Conclusions) -> None:
    limits.utf8(api, TEXT_BYTES, text=said.text.content if said.text else None)
    others = [one for one in (said.image, said.link, said.miniprogram) if one is not None]
    limits.count(api, 1, conclusions=others)
    for one in others:
        check(api, one)
