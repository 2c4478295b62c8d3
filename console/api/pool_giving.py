"""Customers of the pool to many associates: claimed, or shared out in batches (POOL-4, POOL-5, POOL-11)."""

from collections.abc import Sequence

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_pool import BatchBody, BatchPath, ByBody, ClaimBody, PoolFilter, WhomBody
from console.api.gate import caller
from console.api.pool import GROUP, act_of, changes_of, choice_of
from console.api.problems import MOST_ERRORS, ProblemError
from console.api.routes import operation
from console.api.told_pool import BatchOut, GivenOut, PreviewOut, SharedOut, TakenOut
from console.desk import desk
from services.blacklist.store import blacklisted_among
from services.finding.selection import Selection
from services.finding.store import select_found
from services.pool.batches import Batch, ask_batch, cancel_batch, count_batch, deal, load_batch
from services.pool.giving import Given, Taken, claim, receivers
from services.pool.listing import PoolChoice, both, selection_of
from services.pool.model import POOL
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import CustomerId, UserId
from shared.scope import viewers


def _given_out(work: Work, given: Given) -> GivenOut:
    return GivenOut(
        customer_ids=list(given.customer_ids),
        blacklisted_ids=sorted(blacklisted_among(work.connection, work.tenant.id, given.customer_ids)),
        refused=[_taken_out(one) for one in given.refused],
    )


def _taken_out(taken: Taken) -> TakenOut:
    """Whose they are is not for a caller to whom they do not belong (ACC-1)."""
    if caller().sight.is_everything:
        return TakenOut(customer_id=taken.customer_id, status=taken.status, userid=taken.userid)
    return TakenOut(customer_id=taken.customer_id, status=None, userid=None)


@operation("post", "/pool:claim", Scope.POOL_WRITE, GivenOut, group=GROUP, limited=True)
def claim_pool_customers(body: ClaimBody) -> Response:
    """An associate takes unassigned customers; of two who reach for one, one gets them. `refused` says who has whom.

    409 when none of them was to be had. A repeat of one's own claim changes nothing, and refuses nobody. A key that is
    bound to associates claims for these only, and does not hear who has the others.
    """

    def work(work: Work) -> Done:
        userid = UserId(body.userid)
        _refuse_for_others(work, userid)
        given = claim(work.connection, work.tenant, map(CustomerId, body.customer_ids), userid, act_of("claim", work))
        if given.refused and len(given.refused) == len(set(body.customer_ids)):
            raise _all_taken(body.customer_ids, given.refused)
        return Done(_given_out(work, given), 200, tuple(changes_of(given, "pool.claimed", body.userid)), given.facts)

    return write(work, of_nobody=True)


def _refuse_for_others(work: Work, userid: UserId) -> None:
    """
    Raises:
        ProblemError: 403, the caller is limited, and does not see this associate's customers.
    """
    sight = caller().sight
    if not sight.is_everything and userid not in viewers(work.connection, work.tenant.id, sight):
        raise ProblemError(403, "out-of-sight", "this key claims for the associates whose customers it sees only")


def _all_taken(asked: Sequence[int], refused: Sequence[Taken]) -> ProblemError:
    words = {one.customer_id: _words_of(_taken_out(one)) for one in refused}
    why = "none of these customers is to be had (any more): they are somebody's already, or not in the pool"
    errors = [(f"/customer_ids/{n}", words[CustomerId(one)]) for n, one in enumerate(asked[:MOST_ERRORS])]
    return ProblemError(409, "pool-taken", why, errors=errors, customer_ids=sorted(words))


def _words_of(taken: TakenOut) -> str:
    if taken.status is None:
        return "not to be had"
    return f"{taken.status}: {taken.userid}" if taken.userid else str(taken.status)


def _chosen(work: Work, body: WhomBody) -> Selection:
    """
    Raises:
        FilterError: the filter cannot be read.
    """
    if body.customer_ids is not None:
        ids = tuple(CustomerId(one) for one in body.customer_ids)
        return selection_of(work.tenant.id, PoolChoice(customer_ids=ids))
    records = selection_of(work.tenant.id, choice_of(body.records or PoolFilter()))
    if body.filter is None or not body.filter.groups:
        return records
    region = desk().runtime.settings.phone_region
    return both(select_found(work.connection, work.tenant, body.filter, region=region, now=work.now), records)


@operation("post", "/pool:preview", Scope.POOL_READ, PreviewOut, group=GROUP)
def preview_batch(body: WhomBody) -> Response:
    """Count whom sharing out would be about. Changes nothing, for all that it is a POST."""

    def work(work: Work) -> PreviewOut:
        chosen = _chosen(work, body)
        count, listed = count_batch(work.connection, work.tenant.id, chosen, also_assigned=body.also_assigned)
        return PreviewOut(count=count, blacklisted_count=listed)

    return read(work)


@operation("post", "/pool:assign", Scope.POOL_WRITE, SharedOut, status=202, group=GROUP, once=True)
def assign_many(body: BatchBody) -> Response:
    """Share customers out evenly among associates: sizes differ by one at most.

    Up to 5,000 are dealt at once, more by a worker: GET /pool/batches/{id} says how far it is.
    """

    def work(work: Work) -> Done:
        named = [UserId(one) for one in body.userids]
        userids = receivers(work.connection, work.tenant.id, named, body.department_ids)
        act = act_of("batch" if named else "department", work)
        chosen = _chosen(work, body)
        _, listed = count_batch(work.connection, work.tenant.id, chosen, also_assigned=body.also_assigned)
        batch = ask_batch(
            work.connection,
            work.tenant,
            chosen,
            userids,
            how=body.how,
            also_assigned=body.also_assigned,
            act=act,
        )
        facts = deal(work.connection, work.tenant.id, batch.id, now=work.now)
        batch = load_batch(work.connection, work.tenant.id, batch.id)
        asked = body.model_dump(mode="json", exclude={"customer_ids"}) | {
            "total_count": batch.total_count, "blacklisted_count": listed
        }  # fmt: skip
        answer = SharedOut(**batch_out(batch).model_dump(), blacklisted_count=listed)
        return Done(answer, 202, (Change("pool.shared_out", POOL, f"batch:{batch.id}", after=asked),), facts or ())

    return write(work, once=True)


def batch_out(batch: Batch) -> BatchOut:
    return BatchOut(**{name: getattr(batch, name) for name in BatchOut.model_fields})


@operation("get", "/pool/batches/<id>", Scope.POOL_READ, BatchOut, group=GROUP)
def show_batch(path: BatchPath) -> Response:
    """Show how far sharing out is."""
    return read(lambda work: batch_out(load_batch(work.connection, work.tenant.id, path.id)))


@operation("put", "/pool/batches/<id>/cancelled", Scope.POOL_WRITE, BatchOut, group=GROUP)
def stop_batch(path: BatchPath, body: ByBody) -> Response:  # noqa: ARG001 - a PUT has a body
    """Share out no further; who was given stays given. Nothing happens when it is over."""

    def work(work: Work) -> Done:
        batch = load_batch(work.connection, work.tenant.id, path.id)
        if batch.state != "running":
            return Done(batch_out(batch))
        batch = cancel_batch(work.connection, work.tenant.id, path.id, now=work.now)
        return Done(batch_out(batch), changes=(Change("pool.sharing_cancelled", POOL, f"batch:{path.id}"),))

    return write(work)
