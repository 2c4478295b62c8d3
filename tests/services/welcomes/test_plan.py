"""Which welcome is said, how, and what WeCom's answers mean."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.welcomes.model import Answer, Medium, Names, Rule, Said, State, Verdict
from services.welcomes.plan import AGAIN_S, bared, choose, cut, judge, said, unknown_variables
from shared.ids import UserId

SHANGHAI = ZoneInfo("Asia/Shanghai")
MONDAY_NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
LINA = frozenset({UserId("LiNa")})
ALL = Rule(1)
OUTLET = Rule(2, department_ids=frozenset({7}))
ASSOCIATE = Rule(3, userids=LINA)
STATE = Rule(4, states=frozenset({"window"}))
HOURS = Rule(5, from_time=time(9), until_time=time(18))


def chosen(*rules: Rule, state: str | None = None, now: datetime = MONDAY_NOON, outlets: tuple[int, ...] = (7,)):
    found = choose(rules, UserId("LiNa"), outlets=outlets, state=state, now=now, zone=SHANGHAI)
    return found.id if found else None


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((ALL, OUTLET, ASSOCIATE, STATE, HOURS), STATE.id),
        ((ALL, OUTLET, ASSOCIATE, HOURS), ASSOCIATE.id),
        ((ALL, OUTLET, HOURS), OUTLET.id),
        ((ALL, HOURS), HOURS.id),
        ((ALL, replace(ALL, id=9, priority=1)), 9),
        ((replace(ALL, id=9), ALL), ALL.id),
        ((replace(HOURS, priority=-5), replace(ALL, priority=5)), HOURS.id),
        ((replace(STATE, userids=LINA, id=8), STATE), 8),
        ((), None),
    ],
)
def test_the_most_particular_rule_speaks(rules: tuple[Rule, ...], expected: int | None):
    """State before associate before outlet before all, then the time of day, then the priority (OUT-1)."""
    assert chosen(*rules, state="window") == chosen(*reversed(rules), state="window") == expected


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        (replace(STATE, states=frozenset({"door"})), False),
        (Rule(1, userids=frozenset({UserId("WangFang")})), False),
        (Rule(1, userids=frozenset({UserId("WangFang")}), department_ids=frozenset({7})), True),
        (Rule(1, department_ids=frozenset({8})), False),
        (Rule(1, weekdays=frozenset({1})), True),
        (Rule(1, weekdays=frozenset({2})), False),
        (Rule(1, from_time=time(12), until_time=time(13)), True),
        (Rule(1, from_time=time(11), until_time=time(12)), False),
        (Rule(1, from_time=time(20), until_time=time(8)), False),
    ],
)
def test_a_rule_holds_for_its_people_states_and_hours(rule: Rule, holds: bool):
    """Associates and outlets together are a set; times are the corp's, their end is outside (OUT-1)."""
    assert (chosen(rule, state="window") is not None) == holds


@pytest.mark.parametrize(("hour", "weekday", "holds"), [(23, 1, True), (2, 2, True), (2, 1, False), (8, 2, False)])
def test_a_night_belongs_to_the_day_on_which_it_began(hour: int, weekday: int, holds: bool):
    """Monday from 20:00 to 8:00 lasts into Tuesday, and not from Sunday into Monday (OUT-1)."""
    night = Rule(1, weekdays=frozenset({1}), from_time=time(20), until_time=time(8))
    at = datetime(2026, 11, 22 + weekday, hour, tzinfo=SHANGHAI)
    assert (chosen(night, now=at) is not None) == holds


def test_without_a_state_a_rule_for_states_says_nothing():
    """Whoever came another way is not welcomed as if by the code in the window (OUT-1)."""
    assert chosen(STATE, state=None) is None


def test_names_are_put_in_and_unknown_ones_give_way():
    """What is not known yet is not waited for: the text says what stands in for it (OUT-1)."""
    text = "{customer|您}好，我是{associate}"
    assert said(text, (), Names("小王", "李娜"), media={}, now=MONDAY_NOON).text == "小王好，我是李娜"
    assert said(text, (), Names(None, "李娜"), media={}, now=MONDAY_NOON).text == "您好，我是李娜"
    assert said("{customer}你好", (), Names(), media={}, now=MONDAY_NOON).text == "你好"
    assert said("{customer}", (), Names("{associate}", "李娜"), media={}, now=MONDAY_NOON).text == "{associate}"
    assert unknown_variables("{customer} {kunde} {associate|x} {Name|y}") == ["Name", "kunde"]


@given(st.text(), st.integers(0, 40))
def test_a_text_is_cut_at_a_character(text: str, most: int):
    """As many bytes as WeCom takes, and never half a character (OUT-1)."""
    text = text.encode(errors="ignore").decode()
    assert len(cut(text, most).encode()) <= most
    assert text.startswith(cut(text, most))


def test_a_long_name_does_not_make_a_welcome_too_long():
    """4,000 bytes after names were put in (OUT-1)."""
    told = said("{customer}" + "好" * 1330, (), Names("王" * 100), media={}, now=MONDAY_NOON)
    assert told.text is not None and len(told.text.encode()) <= 4000


def test_attachments_go_with_media_that_wecom_still_has():
    """A file that was never uploaded, or too long ago, stays behind, and the rest goes (OUT-1)."""
    there = [
        {"kind": "image", "file_id": 1},
        {"kind": "video", "file_id": 2},
        {"kind": "miniprogram", "file_id": 1, "title": "t", "appid": "wx1", "page": "p"},
        {"kind": "link", "title": "t", "url": "https://x", "desc": None},
    ]
    media = {1: Medium("m1", MONDAY_NOON + timedelta(hours=1)), 2: Medium("m2", MONDAY_NOON)}
    told = said("hi", there, Names(), media=media, now=MONDAY_NOON)
    assert told.left_out == 1
    assert told.attachments == (
        {"msgtype": "image", "image": {"media_id": "m1"}},
        {"msgtype": "miniprogram", "miniprogram": {"title": "t", "appid": "wx1", "page": "p", "pic_media_id": "m1"}},
        {"msgtype": "link", "link": {"title": "t", "url": "https://x"}},
    )
    assert bared(told) == Said("hi", (told.attachments[2],), left_out=3)


PLAIN, PICTURE = Said("hi"), Said("hi", ({"msgtype": "image", "image": {"media_id": "m1"}},))
UNTIL = MONDAY_NOON + timedelta(seconds=20)
SOON = MONDAY_NOON + timedelta(seconds=AGAIN_S)


@pytest.mark.parametrize(
    ("answer", "in_doubt", "told", "verdict"),
    [
        (Answer(), False, PLAIN, Verdict(State.SENT, False)),
        (Answer(), True, PLAIN, Verdict(State.SENT, False)),
        (Answer(41050), False, PLAIN, Verdict(State.TAKEN, False)),
        (Answer(41051), False, PLAIN, Verdict(State.TAKEN, False)),
        (Answer(41050), True, PLAIN, Verdict(State.SENT, True)),
        (Answer(41051), True, PLAIN, Verdict(State.SENT, True)),
        (Answer(41096, again=True, after_s=1), False, PLAIN,
         Verdict(State.SENDING, False, MONDAY_NOON + timedelta(seconds=1))),
        (Answer(41096, again=True, after_s=30), False, PLAIN, Verdict(State.TAKEN, False)),
        (Answer(41096, again=True, after_s=30), True, PLAIN, Verdict(State.EXPIRED, True)),
        (Answer(45009, again=True, after_s=60), False, PLAIN, Verdict(State.EXPIRED, False)),
        (Answer(-1, again=True), False, PLAIN, Verdict(State.SENDING, False, SOON)),
        (Answer(problem="x", again=True, lost=True), False, PLAIN, Verdict(State.SENDING, True, SOON)),
        (Answer(problem="x", again=True, lost=True, after_s=20), False, PLAIN, Verdict(State.EXPIRED, True)),
        (Answer(40007), False, PICTURE, Verdict(State.SENDING, False, MONDAY_NOON, bare=True)),
        (Answer(40007), False, PLAIN, Verdict(State.REFUSED, False)),
        (Answer(40007), False, replace(PICTURE, text=None), Verdict(State.REFUSED, False)),
        (Answer(40058), False, PLAIN, Verdict(State.REFUSED, False)),
        (Answer(problem="too long"), True, PLAIN, Verdict(State.REFUSED, True)),
    ],
)  # fmt: skip
def test_what_an_answer_means(answer: Answer, in_doubt: bool, told: Said, verdict: Verdict):
    """Used up after a lost answer is done; used up at once is another's; nothing is tried after the end (OUT-1)."""
    assert judge(answer, in_doubt=in_doubt, told=told, now=MONDAY_NOON, until=UNTIL) == verdict
