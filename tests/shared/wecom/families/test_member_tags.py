"""Tags on members."""

import pytest

from shared.ids import UserId
from shared.wecom.client import WeComClient
from shared.wecom.errors import WeComTerminalError
from shared.wecom.payloads.member_tags import MemberTag, Refused
from tests.shared.wecom.conftest import Sim
from tests.shared.wecom.samples import answered

LINA, ZHAO, NOBODY = UserId("LiNa"), UserId("ZhaoMin"), UserId("Nobody")


def test_a_tag_lives_and_dies(client: WeComClient):
    """A success says created, updated or deleted instead of ok; the code counts."""
    tags = client.member_tags
    tagid = tags.create("店长")
    tags.update(tagid, "督导")
    assert tags.list() == (MemberTag(tagid, "督导"),)
    assert tags.add(tagid, userids=[LINA, ZHAO, NOBODY]) == Refused(frozenset({"nobody"}), ())
    assert {one.userid for one in tags.get(tagid).members or ()} == {"LiNa", "ZhaoMin"}
    assert tags.remove(tagid, userids=[ZHAO], parties=[99]) == Refused(frozenset(), (99,))
    found = tags.get(tagid)
    assert (found.tagname, [one.name for one in found.members or ()], found.parties) == ("督导", ["李娜"], ())
    with pytest.raises(WeComTerminalError) as caught:
        tags.add(tagid, userids=[NOBODY])
    assert caught.value.code == 40070
    tags.delete(tagid)
    assert tags.list() == ()


def test_who_is_refused_is_told_in_two_ways(client: WeComClient):
    """Users joined by bars, departments as a list; both may be absent."""
    answer = {"errcode": 0, "errmsg": "ok", "invalidlist": "LiNa| zhaomin |", "invalidparty": [2, "3", None]}
    with answered("tag/addtagusers", answer, {"errcode": 0}) as asked:
        assert client.member_tags.add(7, userids=[LINA], parties=[2]) == Refused(frozenset({"lina", "zhaomin"}), (2, 3))
        assert client.member_tags.add(7, userids=[LINA]) == Refused(frozenset(), ())
    assert asked.bodies == [b'{"tagid":7,"userlist":["LiNa"],"partylist":[2]}', b'{"tagid":7,"userlist":["LiNa"]}']


def test_requests_that_wecom_would_refuse_are_not_sent(sim: Sim, client: WeComClient):
    """A ValueError says what and where."""
    tags = client.member_tags
    for call in (
        lambda: tags.create(""),
        lambda: tags.create("x" * 33),
        lambda: tags.create("x", tagid=-1),
        lambda: tags.update(1, "x" * 33),
        lambda: tags.add(1),
        lambda: tags.add(1, userids=[LINA] * 1001),
        lambda: tags.remove(1, parties=[1] * 101),
    ):
        with pytest.raises(ValueError, match="tag/"):
            call()
    assert sim("calls").keys() <= {"gettoken"}
