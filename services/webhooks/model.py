"""Values of webhooks: the retailer's own systems hear of facts by HTTP, each fact at least once, in no promised order.

An endpoint is an address of theirs. What waits for it are rows of the outbox, one for each fact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import get_args
from urllib.parse import urlsplit

from services.planning import Cause
from shared.ids import EndpointId, FactId, OutboxId, TenantId

ALL_CAUSES: tuple[Cause, ...] = get_args(Cause)
USUAL_CAUSES = tuple(cause for cause in ALL_CAUSES if cause != "bootstrap")
"""A first sync finds what was there before: up to millions of facts, none of them news."""
LONGEST_URL = 2000


class BadUrlError(ValueError):
    """The text says what is wrong, without the address."""


class EndpointState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"  # by a person
    DISABLED = "disabled"  # by itself: it said that it is gone, or failed for days
    REMOVED = "removed"  # its rows are being deleted, and then it is


@dataclass(frozen=True)
class Listener:
    """Which facts an endpoint hears; `fact_types` None: all."""

    id: EndpointId
    fact_types: frozenset[str] | None
    causes: frozenset[str]


@dataclass(frozen=True)
class Standing:
    """How an endpoint has answered lately. `failures`: in a row; `disabled`: why nothing is sent any more."""

    failures: int = 0
    failing_since: datetime | None = None
    closed_until: datetime | None = None
    disabled: str | None = None


@dataclass(frozen=True)
class Endpoint:
    """`secrets`: each signs; the first is the present one."""

    id: EndpointId
    tenant_id: TenantId
    corp_id: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    standing: Standing


@dataclass(frozen=True)
class FactTold:
    """A fact as receivers see it."""

    id: FactId
    type: str
    version: int
    subject_kind: str
    subject_key: str
    occurred_at: datetime
    recorded_at: datetime
    cause: str
    payload: Mapping[str, object]


@dataclass(frozen=True)
class Call:
    """One try that is noted and may begin. `tries` counts this one."""

    id: OutboxId
    fence: int
    tries: int
    queued_at: datetime
    fact: FactTold


@dataclass(frozen=True)
class Answer:
    """`status` None: no answer came, `problem` says why in a word. `after_s`: what Retry-After asked for."""

    status: int | None
    after_s: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Ended:
    """What a try leaves of its row: `outcome` as in `attempt`, `state` as in `outbox`.

    `counts`: whether it uses up one of the row's tries. `next_try_at` is of rows that stay queued.
    """

    kind: str
    outcome: str
    state: str
    next_try_at: datetime | None = None
    counts: bool = True
    code: int | None = None
    detail: str | None = None


def recipient_of(endpoint_id: EndpointId) -> str:
    """As rows of the outbox name it; no userid has a colon."""
    return f"endpoint:{endpoint_id}"


def natural_key(fact_id: FactId, endpoint_id: EndpointId) -> str:
    """One row per fact and endpoint, however often it is written."""
    return f"fact:{fact_id}:webhook:{endpoint_id}"


def checked_url(url: str) -> str:
    """
    Raises:
        BadUrlError: not an absolute http or https address, or it holds a user, a password or a fragment.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise BadUrlError("this is no address") from None
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url or "\\" in url:
        raise BadUrlError(f"an address has at most {LONGEST_URL} characters, none of them blank")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadUrlError("the address must start with https:// or http:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise BadUrlError("the address must not hold a user or a password: the signature proves who calls")
    if parts.fragment:
        raise BadUrlError("the address must not hold a fragment (#): it is never sent")
    return url


def shown_url(url: str) -> str:
    """Without the query, which may hold a token."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}" + ("?…" if parts.query else "")
