"""Filters in words, and what is refused of them."""

import random
from zoneinfo import ZoneInfo

import pytest

from services.finding.fields import Definition
from services.finding.model import FilterError, parse
from services.finding.words import in_words, wanted_names
from tests.services.finding.plain import random_filter
from tests.services.finding.world import FIELDS

CHINA = ZoneInfo("Asia/Shanghai")
BOUGHT = {"field": "order", "op": "is", "value": {"goods": ["G-1", "G-2"], "days": 30, "at_least": 2}}
NAMED = {"field": "assigned_name", "op": "contains", "value": "李"}
NAMES = {("goods", "G-1"): "羊绒大衣", ("userid", "LiNa"): "Li Na", ("tag", "etVip"): "VIP", ("outlet", "12"): "一店"}
ADDED = {"field": "added", "op": "is", "value": {"by": ["LiNa"], "days": 7}}
VIP = {"field": "tag", "op": "any_of", "value": ["etVip"]}
NO_CHAT = {"field": "chat", "op": "empty"}
OUTLET = {"field": "outlet", "op": "none_of", "value": {"ids": [12], "below": True}}


def said(*conditions: object, language: str = "en", match: str = "all") -> str:
    chosen = parse({"groups": [{"match": match, "conditions": list(conditions)}]}, {})
    return in_words(chosen, NAMES, language=language, zone=CHINA)  # type: ignore[arg-type]


def test_a_filter_reads_like_a_sentence():
    """What an operator asked for, said back with names instead of ids, in both languages (CUS-3)."""
    assert said(ADDED, VIP, NO_CHAT) == "added by Li Na in the last 7 days, tag VIP, not in any chat"
    assert said(ADDED, VIP, NO_CHAT, language="zh") == "添加 导购：Li Na 最近 7 天，标签：VIP，不在任何群"
    assert said(OUTLET, VIP, match="any") == "not outlet 一店 with all under it or tag VIP"
    assert said(BOUGHT) == "order of 羊绒大衣 or G-2 in the last 30 days at least 2 times"
    assert said(BOUGHT, language="zh") == "订单含 羊绒大衣或G-2 最近 30 天 至少 2 次"
    assert said(NAMED) == "assigned associate's name contains “李”"
    assert said(NAMED, language="zh") == "专属导购姓名包含“李”"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_field_and_operator_has_words(language: str):
    """Nothing that can be asked for is left unsaid (CUS-3)."""
    own = {key: Definition(key, kind, key) for key, kind in FIELDS.items()}
    draw = random.Random(5)
    for _ in range(300):
        chosen = parse(random_filter(draw), own)
        text = in_words(chosen, {}, language=language, zone=CHINA)  # type: ignore[arg-type]
        assert text and "None" not in text and "()" not in text, text
        assert set(wanted_names(chosen)) <= {"userid", "tag", "chat", "outlet", "stage", "segment", "company", "goods"}


BAD = [
    ({"field": "nope", "op": "is"}, "field"),
    ({"field": "field:gone", "op": "is"}, "field"),
    ({"field": "score", "op": "contains", "value": 1}, "op"),
    ({"field": "score", "op": "between", "value": {"min": 5, "max": 1}}, "value"),
    ({"field": "score", "op": "equals", "value": "1; drop table customer"}, "value"),
    ({"field": "standing", "op": "equals", "value": "unknown"}, "value"),
    ({"field": "tag", "op": "any_of", "value": []}, "value"),
    ({"field": "tag", "op": "any_of", "value": ["x"] * 1001}, "value"),
    ({"field": "tag", "op": "any_of"}, "value"),
    ({"field": "chat", "op": "empty", "value": 1}, "value"),
    ({"field": "created", "op": "between", "value": {"from": "2026-13-01"}}, "value/from"),
    ({"field": "created", "op": "between", "value": {"from": "2026-11-01T10:00:00"}}, "value/from"),
    ({"field": "created", "op": "within", "value": {"days": 0}}, "value/days"),
    ({"field": "birthday", "op": "between", "value": {"from": "02-30", "to": "03-01"}}, "value/from"),
    ({"field": "added", "op": "is", "value": {"days": 7, "from": "2026-01-01"}}, "value"),
    ({"field": "added", "op": "is", "value": {"friends": 1}}, "value/friends"),
    ({"field": "name", "op": "contains", "value": ""}, "value"),
    ({"field": "friend_name", "op": "contains", "value": ""}, "value"),
    ({"field": "assigned_name", "op": "not_contains", "value": " \u3000"}, "value"),
    ({"field": "assigned_name", "op": "equals", "value": "李娜"}, "op"),
    ({"field": "order", "op": "is", "value": {"goods": []}}, "value/goods"),
    ({"field": "stage", "op": "any_of", "value": ["7"]}, "value/0"),
    ({"field": "stage", "op": "any_of", "value": [2**63]}, "value/0"),
]


@pytest.mark.parametrize(("condition", "place"), BAD)
def test_a_bad_condition_is_refused_with_its_place(condition: dict[str, object], place: str):
    """Whoever builds a filter hears which part of it is wrong, and why (CUS-3, G8)."""
    with pytest.raises(FilterError) as refused:
        parse({"groups": [{"conditions": [condition]}]}, {})
    places = [at for at, _ in refused.value.problems]
    assert f"/groups/0/conditions/0/{place}" in places and len(places) == len(set(places)) <= 2


def test_all_that_is_wrong_is_told_at_once_and_sizes_are_bounded():
    """Ten conditions a group (CUS-3), ten groups; what is no filter at all is said to be none."""
    with pytest.raises(FilterError) as refused:
        parse({"groups": [{"conditions": [BAD[0][0], VIP, BAD[2][0]]}]}, {})
    assert len(refused.value.problems) == 2
    one = {"conditions": [VIP]}
    for groups in ([{"conditions": [VIP] * 11}], [one] * 11, [{"conditions": []}], [{}]):
        with pytest.raises(FilterError):
            parse({"groups": groups}, {})
    for given in ({"group": []}, [], "x", None, {"match": "none"}):
        with pytest.raises(FilterError):
            parse(given, {})
