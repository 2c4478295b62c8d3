"""Greetings: to a new customer, within 20 seconds, and to those who join a group."""

from collections.abc import Sequence

from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import needed, needed_text
from shared.wecom.families.attachments import check, content
from shared.wecom.payloads.attachments import Attachment
from shared.wecom.payloads.broadcasts import GroupWelcome
from shared.wecom.payloads.reading import written

SEND = Api("externalcontact/send_welcome_msg", Repeat.ONCE)
ADD_GROUP = Api("externalcontact/group_welcome_template/add", Repeat.ONCE)
EDIT_GROUP = Api("externalcontact/group_welcome_template/edit", Repeat.SAME)
GET_GROUP = Api("externalcontact/group_welcome_template/get")
DELETE_GROUP = Api("externalcontact/group_welcome_template/del", Repeat.SAME)
GROUP_TEXT_BYTES = 3000


class Welcome:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def send(self, welcome_code: str, text: str | None, attachments: Sequence[Attachment] = ()) -> None:
        """Greet the customer whose event brought the code: once, within 20 s.

        Refusals: 41050 the code is used or too old, 41051 greeted or chatting already, 41096 another app is at it.

        Source: WeCom server API, externalcontact/send_welcome_msg.
        """
        limits.each(SEND, welcome_code=welcome_code)
        self._calls.post(SEND, {"welcome_code": welcome_code, **content(SEND, text, attachments)})

    def add_for_groups(self, said: GroupWelcome, *, notify: bool | None = None) -> str:
        """The new material's `template_id`. `notify`: tell the group owners, which is WeCom's default.

        Source: WeCom server API, externalcontact/group_welcome_template/add.
        """
        told = None if notify is None else int(notify)
        answer = self._calls.post(ADD_GROUP, {**_material(ADD_GROUP, said), "notify": told})
        return needed_text(ADD_GROUP, answer, "template_id")

    def edit_for_groups(self, template_id: str, said: GroupWelcome) -> None:
        """Source: WeCom server API, externalcontact/group_welcome_template/edit."""
        self._calls.post(EDIT_GROUP, {"template_id": template_id, **_material(EDIT_GROUP, said)})

    def get_for_groups(self, template_id: str) -> GroupWelcome:
        """Source: WeCom server API, externalcontact/group_welcome_template/get."""
        return needed(GET_GROUP, GroupWelcome, self._calls.post(GET_GROUP, {"template_id": template_id}))

    def delete_for_groups(self, template_id: str) -> None:
        """Source: WeCom server API, externalcontact/group_welcome_template/del."""
        self._calls.post(DELETE_GROUP, {"template_id": template_id})


def _material(api: Api, said: GroupWelcome) -> dict[str, object]:
    """WeCom would take the first of several attachments and drop the others."""
    others = [one for one in (said.image, said.link, said.miniprogram, said.file, said.video) if one is not None]
    limits.some(api, text=said.text and said.text.content, attachment=others)
    limits.utf8(api, GROUP_TEXT_BYTES, text=said.text.content if said.text else None)
    limits.count(api, 1, attachment=others)
    for one in others:
        check(api, one)
    made: dict[str, object] = written(said)
    return made
