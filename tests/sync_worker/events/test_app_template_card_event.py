"""A member pressed a button of a card."""

from collections.abc import Callable

import pytest

from shared.body import read_body
from sync_worker.events import Fields, MissingFieldError
from sync_worker.events.app_template_card_event import SPEC

Event = Callable[..., Fields]


def test_it_says_who_pressed_what_and_names_nothing_to_read(event: Event):
    """The press is all there is; no subject is looked at (POOL-8)."""
    fields = event("app_template_card_event")
    (press,) = SPEC.presses(fields)
    assert (press.task_id, press.key, press.userid, press.agent_id) == ("task-20260921-7", "approve", "LiNa", "1000021")
    assert press.response_code == "RC_y2Kd8mW0"
    assert "RC_y2Kd8mW0" not in repr(press)
    assert (SPEC.targets(fields), SPEC.evidence(fields)) == ((), ())
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


@pytest.mark.parametrize("spelt", ["Option", "Opiton"])
def test_the_first_chosen_option_of_each_question_is_kept(event: Event, spelt: str):
    """Choices are spelled in two ways; the reason of an unreachable customer is one (POOL-8)."""
    fields = event("app_template_card_event_selected")
    assert SPEC.presses(fields)[0].selected == {"q_size": "L", "q_color": "red"}
    odd = f"<xml><SelectedItems><SelectedItem><QuestionKey>q</QuestionKey><{spelt}Ids><{spelt}Id>a</{spelt}Id></{spelt}Ids></SelectedItem></SelectedItems></xml>"  # noqa: E501
    chosen = read_body(odd.encode()).value("SelectedItems")
    body = fields.body.fields | {"SelectedItems": chosen}
    changed = Fields(type(fields.body)(fields.body.event, "", None, body), fields.occurred_at)
    assert SPEC.presses(changed)[0].selected == {"q": "a"}


@pytest.mark.parametrize("name", ["TaskId", "EventKey", "FromUserName", "AgentID"])
def test_without_what_names_the_press_it_says_nothing(event: Event, name: str):
    """The missing field is named, so that the inbox can tell why."""
    with pytest.raises(MissingFieldError, match=rf"^{name}$"):
        SPEC.presses(event("app_template_card_event", without=(name,)))


def test_without_a_code_it_is_a_press_all_the_same(event: Event):
    """The state changes; only the card cannot be told (POOL-8)."""
    assert SPEC.presses(event("app_template_card_event", without=("ResponseCode",)))[0].response_code == ""
