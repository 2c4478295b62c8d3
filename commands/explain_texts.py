"""How `guanxi explain` tells an account to people, in the language of the corp."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.cells import set_cell_size

from commands.explain_words import (
    BECAUSE,
    DEAD,
    DUE,
    HISTORY,
    LAST_ERROR,
    MOMENTS,
    NOBODY,
    NOW,
    OLDER,
    READ_AT,
    REQUEST,
    SETTLED,
    SETTLED_ONCE,
    SUBJECTS,
)
from services.explaining.model import Account, Moment, Present, RequestState
from shared.tenants import Tenant
from shared.wecom.errors.words import Words

WIDTH = 12
"""Of the column that says what happened; a Chinese character is two wide."""


class Teller:
    """Texts of one corp."""

    def __init__(self, tenant: Tenant, language: str) -> None:
        self._tenant, self._language, self._zone = tenant, language, ZoneInfo(tenant.timezone)

    def tell(self, account: Account) -> Iterator[str]:
        yield f"{self._said(SUBJECTS[account.kind])} {account.key}  ({self._tenant.corp_id})"
        if account.rows:
            yield ""
            yield self._said(NOW)
        for row in account.rows:
            yield from self._row(row, account)
        if account.requests:
            yield ""
            yield self._said(REQUEST)
        for request in account.requests:
            yield from self._request(request, account)
        if account.moments:
            yield ""
            yield self._said(HISTORY, zone=self._tenant.timezone)
        if account.more:
            yield f"  … {self._said(OLDER)}"
        for moment in account.moments:
            yield self._moment(moment, account)

    def _row(self, row: Present, account: Account) -> Iterator[str]:
        yield f"  {row.table} {row.key}"
        if row.values:
            yield f"    {self._values(row.values)}"
        why = [self._because(row.cause, row.caused_by, account)] if row.cause else []
        if row.observed_at is not None:
            why.append(self._said(READ_AT, at=self._time(row.observed_at)))
        if why:
            yield f"    {'; '.join(why)}"

    def _request(self, request: RequestState, account: Account) -> Iterator[str]:
        if request.dead_at is not None and request.generation > request.settled_generation:
            id_ = f"request:{self._tenant.id}:{request.kind}:{request.key}"
            state = self._said(DEAD, at=self._time(request.dead_at), attempts=request.attempts, id=id_)
        elif request.open:
            since, after = self._time(request.first_due_at), self._time(request.next_try_at)
            state = self._said(DUE, since=since, next=after, attempts=request.attempts)
        elif request.settled_at is not None:
            state = self._said(SETTLED, at=self._time(request.settled_at))
        else:
            state = self._said(SETTLED_ONCE)
        yield f"  {request.kind} {request.key}: {state}; {self._because(request.cause, request.caused_by, account)}"
        if request.last_error:
            yield f"    {self._said(LAST_ERROR, error=request.last_error)}"

    def _moment(self, moment: Moment, account: Account) -> str:
        line = f"  {self._time(moment.at)}  {set_cell_size(self._said(MOMENTS[moment.what]), WIDTH)} {moment.code}"
        details = {name: value for name, value in moment.details.items() if value not in (account.key, [], ())}
        if moment.what == "assignment":
            nobody = self._said(NOBODY)
            line += f"  {details.pop('from_userid', nobody)} → {details.pop('to_userid', nobody)}"
        if details:
            line += f"  {self._values(details)}"
        if moment.cause is not None:
            line += f"  [{moment.caused_by or moment.cause}]"
        return line

    def _because(self, cause: str, caused_by: str | None, account: Account) -> str:
        """The history has the callback or pass that is named here."""
        told = self._said(BECAUSE, cause=cause)
        origin = account.origins.get(caused_by or "")
        what = origin and (origin.values.get("change") or origin.values.get("event"))
        return told + (f", {caused_by}" if caused_by else "") + (f" ({what})" if what else "")

    def _values(self, values: Mapping[str, object]) -> str:
        return ", ".join(f"{name} {self._value(value)}" for name, value in values.items())

    def _value(self, value: object) -> str:
        match value:
            case datetime():
                return self._time(value)
            case Mapping():
                return "{" + ", ".join(f"{name}: {self._value(part)}" for name, part in value.items()) + "}"
            case list() | tuple():
                return " ".join(self._value(one) for one in value)
        return "?" if value is None else str(value)

    def _time(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._zone):%Y-%m-%d %H:%M:%S}"

    def _said(self, words: Words, **values: object) -> str:
        return words.said(self._language, **values)
