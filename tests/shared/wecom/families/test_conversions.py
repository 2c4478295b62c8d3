"""Ids of other subjects."""

import pytest

from shared.ids import ExternalUserId, UserId
from shared.wecom.client import WeComClient
from shared.wecom.payloads.conversions import FoundContact, OpenUser, OpenUsers, RenewedContact
from tests.shared.wecom.conftest import Sim
from tests.shared.wecom.samples import answered, sampled

WHALE = ExternalUserId("wmSimCAAAA7n3kVQ1xTq0yZbL4dHpA01")


def test_ids_for_a_self_built_app(client: WeComClient):
    """What cannot be turned is listed apart."""
    turn = client.conversions
    with sampled("externalcontact.from_service_external_userid") as asked:
        assert turn.from_service(ExternalUserId("wmOther"), source_agentid=7) == WHALE
    assert asked.bodies == [b'{"external_userid":"wmOther","source_agentid":7}']
    with sampled("batch.openuserid_to_userid"):
        assert turn.userids(["woSimOpenUser000000000000000001"], source_agentid=7) == OpenUsers(
            (OpenUser("woSimOpenUser000000000000000001", UserId("chenwei")),), ("woSimOpenUserBAD",)
        )
    with sampled("idconvert.convert_tmp_external_userid"):
        found = turn.temporary(["ouSim1", "ouSim2", "ouSim3"], business_type=1, user_type=1)
    assert [(one.external_userid, one.corpid, one.userid) for one in found.contacts] == [
        (WHALE, None, None),
        (None, "wwsim000000000002", "partner01"),
    ]
    assert found.invalid == ("ouSim3",)
    with sampled("externalcontact.convert_to_openid"):
        assert turn.openid(WHALE) == "oSimOpenId000000000000000001"


def test_ids_for_a_providers_app(client: WeComClient):
    """A person who is no customer yet has a pending id."""
    turn = client.conversions
    with sampled("externalcontact.unionid_to_external_userid"):
        assert turn.of_unionid("union", "open") == WHALE
    with sampled("idconvert.unionid_to_external_userid"):
        assert turn.find("union", "open", subject_type=0) == FoundContact(WHALE, None)
    with sampled("idconvert.unionid_to_external_userid.pending"):
        assert turn.find("union", "open", subject_type=1) == FoundContact(None, "pSimPending0000000000000000001")
    with sampled("externalcontact.to_service_external_userid"):
        assert turn.to_service(WHALE) == "wmSimSvcAAx0000000000000000001"
    with sampled("externalcontact.get_new_external_userid"):
        assert turn.renewed([ExternalUserId("old")]) == (
            RenewedContact(ExternalUserId("wmSimOldAA000000000000000000001"), WHALE),
        )
    with answered("idconvert/batch/external_userid_to_pending_id", {"result": [{"external_userid": WHALE}]}):
        assert [one.pending_id for one in turn.pending([WHALE])] == [None]
    with answered("batch/userid_to_openuserid", {"open_userid_list": [{"userid": "LiNa", "open_userid": "wo1"}]}):
        assert turn.open_userids([UserId("LiNa")]) == OpenUsers((OpenUser("wo1", UserId("LiNa")),), ())


def test_lists_are_within_their_limits(sim: Sim, client: WeComClient):
    """Splitting is the caller's."""
    turn = client.conversions
    for call in (
        lambda: turn.userids(["wo"] * 1001),
        lambda: turn.open_userids([]),
        lambda: turn.pending([WHALE] * 101),
        lambda: turn.temporary(["ou"] * 101, business_type=1, user_type=1),
    ):
        with pytest.raises(ValueError, match="items"):
            call()
    assert sim("calls").keys() <= {"gettoken"}


def test_an_openid_from_the_simulator(sim: Sim, client: WeComClient):
    """The way back is the official account's."""
    sim.corp("act", {"do": "add", "userid": "LiNa", "external_userid": WHALE, "name": "Whale", "silent": True})
    assert client.conversions.openid(WHALE)
