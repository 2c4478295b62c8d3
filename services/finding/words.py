"""A filter in words, Chinese and English: "added by Li Na in the last 7 days, tag VIP, not in any chat". Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from services.finding.fields import Kind
from services.finding.model import Condition, Filter
from services.finding.values import Outlets, Period, Range

Language = Literal["en", "zh"]
Names = Mapping[tuple[str, str], str]
"""(kind, id) -> what people call it; kinds are userid, tag, chat, outlet, stage, segment, company, goods."""

NAMED: Mapping[str, str] = {
    "assigned": "userid", "pool_assigned": "userid", "friend": "userid", "tag": "tag", "waiting_tag": "tag",
    "chat": "chat", "stage": "stage", "segment": "segment", "linked_company": "company",
}  # fmt: skip
"""Fields whose members have names of their own -> kind of name."""


def wanted_names(chosen: Filter) -> dict[str, list[str]]:
    """The ids whose names the words need, by kind."""
    wanted: dict[str, set[str]] = {}
    for one in chosen.conditions:
        if one.spec.name in NAMED and one.value is not None:
            wanted.setdefault(NAMED[one.spec.name], set()).update(str(member) for member in _members(one))
        if one.spec.kind is Kind.ADDED:
            wanted.setdefault("userid", set()).update(one.value.by or ())
        if one.spec.kind is Kind.ORDER:
            wanted.setdefault("goods", set()).update(one.value.goods or ())
        outlets = one.value.outlets if one.spec.kind is Kind.ADDED else one.value
        if isinstance(outlets, Outlets):
            wanted.setdefault("outlet", set()).update(str(member) for member in outlets.ids)
    return {kind: sorted(ids) for kind, ids in wanted.items() if ids}


def in_words(chosen: Filter, names: Names, *, language: Language, zone: ZoneInfo) -> str:
    """One line; ids stand where there is no name."""
    if not chosen.groups:
        return "everybody" if language == "en" else "全部客户"
    say = _Saying(names, language, zone)
    groups = [say.together(group.match, [say.condition(one) for one in group.conditions]) for group in chosen.groups]
    if len(groups) == 1:
        return groups[0]
    return say.together(chosen.match, [f"({one})" if language == "en" else f"（{one}）" for one in groups])


def _members(one: Condition) -> Iterable[Any]:
    return one.value if isinstance(one.value, tuple) else (one.value,)


class _Saying:
    """Phrases of one filter. Every phrase is there twice: `self.t(english, chinese)`."""

    def __init__(self, names: Names, language: Language, zone: ZoneInfo) -> None:
        self._names, self._language, self._zone = names, language, zone

    def t(self, en: str, zh: str) -> str:
        return en if self._language == "en" else zh

    def together(self, match: str, parts: list[str]) -> str:
        return (self.t(", ", "，") if match == "all" else self.t(" or ", " 或 ")).join(parts)

    def condition(self, one: Condition) -> str:
        name = self.t(one.spec.en, one.spec.zh)
        if one.op in ("empty", "not_empty"):
            return self._emptiness(one.spec.name, name, empty=one.op == "empty")
        return _PHRASES[one.spec.kind](self, name, one)

    def _emptiness(self, field: str, name: str, *, empty: bool) -> str:
        if field == "chat":
            return self.t("not in any chat", "不在任何群") if empty else self.t("in a chat", "在群内")
        return self.t(f"no {name}", f"{name}为空") if empty else self.t(f"any {name}", f"{name}不为空")

    def members(self, kind: str | None, ids: Iterable[Any], *, every: bool = False) -> str:
        said = [self._names.get((kind, str(one)), str(one)) if kind else str(one) for one in ids]
        return (self.t(" and ", "且") if every else self.t(" or ", "或")).join(said)

    def outlets(self, value: Outlets) -> str:
        said = self.members("outlet", value.ids)
        return said + self.t(" with all under it", "（含下级）") if value.below else said

    def period(self, value: Period) -> str:
        if value.days is not None:
            return self.t(f"in the last {value.days} days", f"最近 {value.days} 天")
        first, last = self._moment(value.since), self._moment(value.until)
        if first and last:
            return self.t(f"from {first} to {last}", f"{first} 至 {last}")
        return self.t(f"since {first}", f"{first} 起") if first else self.t(f"until {last}", f"截至 {last}")

    def _moment(self, value: datetime | date | None) -> str:
        if isinstance(value, datetime):
            return value.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")
        return value.isoformat() if value else ""

    def range(self, value: Range) -> str:
        if value.min is not None and value.max is not None:
            return self.t(f"{value.min} to {value.max}", f"{value.min} 至 {value.max}")
        if value.min is not None:
            return self.t(f"at least {value.min}", f"不少于 {value.min}")
        return self.t(f"at most {value.max}", f"不超过 {value.max}")


def _part(say: _Saying, name: str, one: Condition) -> str:
    if one.op == "contains":
        return say.t(f"{name} contains “{one.value}”", f"{name}包含“{one.value}”")
    return say.t(f"{name} does not contain “{one.value}”", f"{name}不包含“{one.value}”")


def _among(say: _Saying, name: str, one: Condition) -> str:
    said = say.members(NAMED.get(one.spec.name), _members(one), every=one.op == "all_of")
    where = say.t("in chat", "在群") if one.spec.name == "chat" else name
    if one.op in ("not_equals", "none_of"):
        return say.t(f"not {where} {said}", f"{where}不是{said}" if where == name else f"不{where}{said}")
    return say.t(f"{where} {said}", f"{where}：{said}")


def _number(say: _Saying, name: str, one: Condition) -> str:
    if one.op == "between":
        return say.t(f"{name} {say.range(one.value)}", f"{name}{say.range(one.value)}")
    if one.op == "equals":
        return say.t(f"{name} is {one.value}", f"{name}等于 {one.value}")
    return say.t(f"{name} is not {one.value}", f"{name}不等于 {one.value}")


def _time(say: _Saying, name: str, one: Condition) -> str:
    if one.op == "between":
        return f"{name} {say.period(one.value)}"
    days = one.value.days
    if one.op == "within":
        return say.t(f"{name} in the last {days} days", f"{name}在最近 {days} 天")
    return say.t(f"{name} not in the last {days} days", f"{name}不在最近 {days} 天")


def _birthday(say: _Saying, name: str, one: Condition) -> str:
    if one.op == "within_next":
        return say.t(f"{name} in the next {one.value.days} days", f"{name}在未来 {one.value.days} 天")
    return say.t(f"{name} {one.value.since} to {one.value.until}", f"{name} {one.value.since} 至 {one.value.until}")


def _flag(say: _Saying, name: str, one: Condition) -> str:
    return name if one.value else say.t(f"not {name}", f"不在{name}")


def _outlet(say: _Saying, name: str, one: Condition) -> str:
    said = say.outlets(one.value)
    if one.op == "none_of":
        return say.t(f"not {name} {said}", f"{name}不是{said}")
    return say.t(f"{name} {said}", f"{name}：{said}")


def _added(say: _Saying, _: str, one: Condition) -> str:
    value = one.value
    parts = [say.t("added", "添加") if one.op == "is" else say.t("not added", "未添加")]
    if value.by:
        parts.append(say.t("by ", "导购：") + say.members("userid", value.by))
    if value.outlets:
        parts.append(say.t("at ", "门店：") + say.outlets(value.outlets))
    if value.ways:
        parts.append(say.t("through way ", "方式：") + say.members(None, value.ways))
    if value.states:
        parts.append(say.t("with channel ", "渠道：") + say.members(None, value.states))
    if value.given:
        parts.append(say.period(value))
    return " ".join(parts)


def _event(say: _Saying, name: str, one: Condition) -> str:
    return _times(say, say.t(f"{name} {one.value.kind}", f"{name} {one.value.kind}"), one)


def _order(say: _Saying, name: str, one: Condition) -> str:
    goods = say.t(" of ", "含 ") + say.members("goods", one.value.goods) if one.value.goods else ""
    said = _times(say, name + goods, one)
    if one.value.amount is not None:
        said += say.t(" for ", " 合计") + say.range(one.value.amount) + f" {one.value.currency} (minor units)"
    return said


def _times(say: _Saying, what: str, one: Condition) -> str:
    value, parts = one.value, [what if one.op == "is" else say.t(f"no {what}", f"无{what}")]
    if value.shop:
        parts.append(say.t(f"in shop {value.shop}", f"店铺 {value.shop}"))
    if value.given:
        parts.append(say.period(value))
    if value.at_least > 1:
        parts.append(say.t(f"at least {value.at_least} times", f"至少 {value.at_least} 次"))
    return " ".join(parts)


_PHRASES: Mapping[Kind, Callable[[_Saying, str, Condition], str]] = {
    Kind.PART: _part,
    Kind.IDENTITY: _among,
    Kind.CHOICE: _among,
    Kind.SET: _among,
    Kind.NUMBER: _number,
    Kind.TIME: _time,
    Kind.BIRTHDAY: _birthday,
    Kind.FLAG: _flag,
    Kind.OUTLET: _outlet,
    Kind.ASSOCIATE: _part,
    Kind.ADDED: _added,
    Kind.EVENT: _event,
    Kind.ORDER: _order,
}
