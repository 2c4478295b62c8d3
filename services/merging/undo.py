"""Takes a merge back: what came with a record goes with it, what was made or changed since stays (CUS-9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.customers.model import CONTACT
from services.merging.model import MERGED, PARTED, Kept, Merge, NoMergeError, TakenOut, UndoRefusedError
from services.merging.moving import add_scores, hand_on_standing, load_scores, move_back, restore
from services.merging.plan import plan_undo
from services.merging.store import (
    drop_rows,
    keys_that_go_back,
    later_merges,
    load_audited,
    load_merge,
    lock_contacts,
    stand_again,
    standing_merge_of,
)
from services.persons.model import CUSTOMER, EXTERNAL_USERID, CustomersParted
from services.persons.store import load_own, lock_customers, lock_identities, record_own, touch
from services.purchases.store import summarise
from shared.audit import Change
from shared.ids import CustomerId
from shared.requests import OPERATOR, Subject, Wanted, want
from shared.tenants import Tenant


@dataclass(frozen=True)
class Parting:
    """What came of an undo. `returned`: table -> rows. `kept`: some of the `kept_count` rows that stay with the master.

    `kept_fields`: fields that somebody changed since.
    """

    merge_id: int
    customer_id: CustomerId
    parted_id: CustomerId
    returned: Mapping[str, int]
    kept: tuple[Kept, ...]
    kept_count: int
    kept_fields: tuple[str, ...]
    fact: CustomersParted
    changes: tuple[Change, ...]


def undo(connection: Connection, tenant: Tenant, merge_id: int, *, by: str, now: datetime) -> Parting:
    """
    Raises:
        NoMergeError, UndoRefusedError: nothing is written, the caller rolls back.
    """
    merge = _lock(connection, tenant, merge_id, by=by, now=now)
    into, merged = merge.into_id, merge.merged_id
    audited = load_audited(connection, tenant, MERGED, merged, merge.id)
    if audited is None:
        raise UndoRefusedError("this merge is from before merges could be undone: nothing says what came from where")
    before, after = audited
    _give_scores_back(connection, tenant, merge, before["score"])
    returned = move_back(connection, tenant.id, merge.id, into, merged)
    stand_again(connection, tenant.id, merge, by=by, now=now)
    kept, kept_count = drop_rows(connection, tenant.id, merge.id)
    restore(connection, tenant, _taken(before))
    for later in later_merges(connection, tenant.id, merge):
        # What gave way to a row that has just gone stands again.
        of_later = load_audited(connection, tenant, MERGED, later.merged_id, later.id)
        gave_way = [] if of_later is None else _taken(of_later[0])
        again = [_at(one, into) for one in gave_way if one.owner == later.merged_id]
        restore(connection, tenant, again, merge_id=later.id)
    if "external_contact" in returned:
        hand_on_standing(connection, tenant.id, into, merged, now=now)
    present = load_own(connection, tenant, [into])[into]
    own, kept_fields = plan_undo(present, before=before["master"], after=after["master"])
    record_own(connection, tenant, into, own, now=now)
    record_own(connection, tenant, merged, before["own"], now=now)
    summarise(connection, tenant.id, [into, merged])
    touch(connection, tenant.id, [into, merged], now=now)
    told = {"merged_into": into, "merge_id": merge.id}, {"returned": returned, "kept": kept_count}
    return Parting(
        merge_id=merge.id,
        customer_id=into,
        parted_id=merged,
        returned=returned,
        kept=tuple(kept),
        kept_count=kept_count,
        kept_fields=kept_fields,
        fact=CustomersParted(occurred_at=now, customer_id=into, parted_id=merged),
        changes=(Change(PARTED, CUSTOMER, str(merged), *told),),
    )


def _lock(connection: Connection, tenant: Tenant, merge_id: int, *, by: str, now: datetime) -> Merge:
    found = load_merge(connection, tenant.id, merge_id)
    if found is None:
        raise NoMergeError("there is no such merge")
    keys = keys_that_go_back(connection, tenant.id, merge_id)
    lock_identities(connection, tenant, keys)
    contacts = [token.decode() for kind, token in keys if kind == EXTERNAL_USERID]
    wishes = [Wanted(Subject(tenant.id, CONTACT, one), OPERATOR, "operator", by) for one in contacts]
    want(connection, wishes, now=now)
    lock_contacts(connection, tenant.id, [found.into_id, found.merged_id])
    lock_customers(connection, tenant.id, [found.into_id, found.merged_id], merged_too=True)
    merge = load_merge(connection, tenant.id, merge_id, lock=True)
    assert merge is not None
    if merge.undone_at is not None:
        raise UndoRefusedError("this merge has been undone already")
    onward = standing_merge_of(connection, tenant.id, merge.into_id)
    if onward is not None:
        raise UndoRefusedError(
            f"customer {merge.into_id} was itself merged into {onward.into_id} afterwards: undo merge {onward.id} first"
        )
    return merge


def _give_scores_back(connection: Connection, tenant: Tenant, merge: Merge, came: list[int] | None) -> None:
    if came is None:
        return
    present = load_scores(connection, tenant.id, [merge.into_id]).get(merge.into_id, (0, 0))
    score, points = came
    if points > 0 and present[1] < points:
        raise UndoRefusedError(
            f"{points} points came with customer {merge.merged_id} and only {present[1]} are left: give back what was "
            "spent since, then undo"
        )
    add_scores(connection, tenant.id, merge.into_id, -score, -points)
    add_scores(connection, tenant.id, merge.merged_id, score, points)


def _taken(before: Mapping[str, Any]) -> list[TakenOut]:
    return [TakenOut(one["table"], CustomerId(one["owner"]), one["row"]) for one in before["taken_out"]]


def _at(one: TakenOut, owner: CustomerId) -> TakenOut:
    return TakenOut(one.table, owner, one.row)
