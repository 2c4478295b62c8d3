"""Members, owner, name or notice of a customer group changed."""

from collections.abc import Callable

import pytest

from services.groups.model import EvidenceKind
from shared.body import read_body
from shared.clock import from_unix
from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.external_chat_update import SPEC

KEY = Key("group_chat", "wrQx3LCQAAp2Vn8MfJ6KdRt4GbXs1YhQ")
FIRST, SECOND = "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA", "wmQx3LCQAAj1Qw8XzN4BtYe6KrGh9MsP"
Event = Callable[..., Fields]


def moved(listed: str, *, detail: str = "add_member", scene: str = "<JoinScene>3</JoinScene>") -> Fields:
    body = (
        f"<xml><Event>change_external_chat</Event><ChatId>{KEY.key}</ChatId><ChangeType>update</ChangeType>"
        f"<UpdateDetail>{detail}</UpdateDetail>{scene}{listed}</xml>"
    )
    return Fields(read_body(body.encode()), from_unix(1790000210))


def test_it_names_the_chat_to_look_at(event: Event):
    """The event is a hint: which chat changed (GRP-1)."""
    fields = event("chat_update_add_member")
    assert SPEC.targets(fields) == (KEY,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_who_came_how_and_between_which_versions_is_kept(event: Event):
    """Whoever leaves again before the read is known from here only (GRP-1)."""
    fields = event("chat_update_add_member")
    details = {
        "members": (FIRST, SECOND),
        "scene": 3,
        "last": "3f0c9a7be15d42688ac1d07e94b2f365",
        "cur": "b81d44e0967a4c2fa35e0c719d2b8f46",
    }
    assert SPEC.evidence(fields) == (Said(KEY, EvidenceKind.JOINED, details=details),)
    assert fields.occurred_at == from_unix(1790000210)


def test_who_left_and_whether_they_were_removed_is_kept(event: Event):
    """No read tells how and when somebody left (GRP-1)."""
    (said,) = SPEC.evidence(event("chat_update_del_member"))
    assert (said.kind, said.details["members"], said.details["scene"]) == (EvidenceKind.LEFT, (SECOND,), 1)


@pytest.mark.parametrize("field", ["name", "notice", "owner"])
def test_a_change_without_a_version_names_its_field(event: Event, field: str):
    """The new value is not in the event (GRP-1)."""
    said = Said(KEY, EvidenceKind.CHANGED, details={"field": field})
    assert SPEC.evidence(event(f"chat_update_change_{field}")) == (said,)


@pytest.mark.parametrize(
    "listed",
    [
        pytest.param("<MemChangeList><Item>{0}</Item><Item>{1}</Item></MemChangeList>", id="nested"),
        pytest.param("<MemChangeList>{0}</MemChangeList><MemChangeList>{1}</MemChangeList>", id="repeated"),
        pytest.param("<MemChangeList>{0},{1}</MemChangeList>", id="commas"),
        pytest.param("<MemChangeList> {0}|{1} </MemChangeList>", id="bars"),
        pytest.param("<MemChangeList><Item>{0}</Item><Item>{1}</Item><Item>{0}</Item></MemChangeList>", id="twice"),
        pytest.param("<MemChangeCnt>7</MemChangeCnt><memchangelist>{0},{1}</memchangelist>", id="wrong count"),
    ],
)
def test_the_list_of_members_is_read_in_every_form(listed: str):
    """Senders differ and have changed; the count may be wrong (GRP-1)."""
    (said,) = SPEC.evidence(moved(listed.format(FIRST, SECOND)))
    assert said.details["members"] == (FIRST, SECOND)


def test_older_pushes_lack_the_list_and_the_versions(event: Event):
    """The chat is read all the same; that something moved is kept (GRP-1)."""
    fields = event("chat_update_add_member", without=("MemChangeList", "LastMemVer", "CurMemVer", "JoinScene"))
    assert SPEC.targets(fields) == (KEY,)
    (said,) = SPEC.evidence(fields)
    assert said.details == {"members": (), "scene": None, "last": None, "cur": None}


@pytest.mark.parametrize(
    "scene", ["<JoinScene></JoinScene>", "<JoinScene>soon</JoinScene>", "<JoinScene>-1</JoinScene>"]
)
def test_a_scene_that_is_no_code_is_unknown(scene: str):
    """Nothing that is not a number becomes one (GRP-1)."""
    assert SPEC.evidence(moved("", scene=scene))[0].details["scene"] is None


@pytest.mark.parametrize("detail", ["change_mood", ""])
def test_a_detail_that_nobody_knows_is_a_hint_only(detail: str):
    """Enumerations are open (GRP-1)."""
    fields = moved("", detail=detail)
    assert SPEC.targets(fields) == (KEY,)
    assert SPEC.evidence(fields) == ()


def test_without_the_chat_it_says_nothing(event: Event):
    """The missing field is named, so that the inbox can tell why."""
    with pytest.raises(MissingFieldError, match=r"^ChatId$"):
        SPEC.targets(event("chat_update_add_member", without=("ChatId",)))
