"""What may go wrong, as strategies: with the post, the worker and WeCom's answers; and how WeCom may be set."""

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.convergence.deeds import DEEDS, NUMBERS
from tests.convergence.relay import Trouble

SMALL = st.integers(0, 4)
CODES = st.sampled_from([-1, 6000, 45009, 45033, 45036, 40014, 42001, 50100])
SPOILT = st.sampled_from(["html", "half", "no lists", "null rows", "cut before", "cut after"])
LIFE = st.lists(DEEDS, max_size=3)


@dataclass(frozen=True)
class Arrival:
    """What becomes of one push: once, not for the last time, lost; or of all."""

    how: str
    number: int = 0
    copies: int = 1


@dataclass(frozen=True)
class Turn:
    """A part of the worker's work, up to `limit` of it, or its death on the way."""

    what: str
    limit: int = 5
    dies_after: int | None = None


POST = st.builds(
    Arrival,
    how=st.sampled_from(["once", "once", "not for the last time", "lost", "all"]),
    number=NUMBERS,
    copies=st.integers(1, 2),
)
WORK = st.builds(
    Turn,
    what=st.sampled_from(["route", "route", "reconcile", "reconcile", "walk", "walk", "all", "resync"]),
    limit=st.integers(1, 6),
    dies_after=st.one_of(st.none(), st.none(), st.none(), st.integers(0, 40)),
)
TROUBLES = st.one_of(
    st.builds(Trouble, after=SMALL, how=st.just("errcode"), code=CODES),
    st.builds(Trouble, after=SMALL, how=SPOILT),
    st.builds(Trouble, after=SMALL, how=st.just("kill")),
)
SETTINGS = st.fixed_dictionaries(
    {
        "customers": st.fixed_dictionaries(
            {
                "walk": st.sampled_from(["snapshot", "live", "reorder"]),
                "seed": st.just(7),
                "short_page": st.sampled_from([0.0, 0.5]),
                "empty_last_page": st.sampled_from([0.0, 1.0]),
                "deletion_lag_s": st.sampled_from([0.0, 30.0, 500.0]),
                "addition_lag_s": st.sampled_from([0.0, 2.0, 100.0]),
                "readding_renews_createtime": st.booleans(),
                "readding_keeps_notes": st.booleans(),
                "bad_userid_fails_batch": st.booleans(),
                "bad_userid_code": st.sampled_from([60111, 40003]),
                "out_of_scope_code": st.sampled_from([84061, 40096]),
            }
        ),
        "tags": st.fixed_dictionaries({"deletion_lag_s": st.sampled_from([0.0, 60.0])}),
        "chats": st.fixed_dictionaries(
            {
                "detail_lag_s": st.sampled_from([0.0, 2.0, 30.0]),
                "left_owner_is_refused": st.booleans(),
                "out_of_scope_code": st.sampled_from([60011, 84074]),
                "dismissed_listed_s": st.sampled_from([0, 300]),
                "member_list": st.sampled_from(["items", "text", "none"]),
            }
        ),
    }
)
