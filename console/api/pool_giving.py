"""Customers of the pool to many associates: claimed, or shared out in batches (POOL-4, POOL-5, POOL-11)."""

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_pool import BatchBody, BatchPath, ByBody, ClaimBody, PoolFilter
from console.api.pool import GROUP, act_of, changes_of, choice_of
from console.api.routes import operation
from console.api.told_pool import BatchOut, GivenOut, TakenOut
from services.pool.batches import Batch, ask_batch, cancel_batch, deal, load_batch
from services.pool.giving import Given, claim, receivers
from services.pool.listing import PoolChoice, selection_of
from services.pool.model import POOL
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import CustomerId, UserId


def _given_out(given: Given) -> GivenOut:
    return GivenOut(
        customer_ids=list(given.customer_ids),
        refused=[TakenOut(customer_id=r.customer_id, status=r.status, userid=r.userid) for r in given.refused],
    )


@operation("post", "/pool:claim", Scope.POOL_WRITE, GivenOut, group=GROUP)
def claim_pool_customers(body: ClaimBody) -> Response:
    """An associate takes unassigned customers; of two who reach for one, one gets them. `refused` says who has whom.

    A repeat of one's own claim changes nothing, and refuses nobody.
    """

    def work(work: Work) -> Done:
        ids = [CustomerId(one) for one in body.customer_ids]
        given = claim(work.connection, work.tenant, ids, UserId(body.userid), act_of("claim", work))
        return Done(_given_out(given), 200, tuple(changes_of(given, "pool.claimed", body.userid)), given.facts)

    return write(work)


@operation("post", "/pool:assign", Scope.POOL_WRITE, BatchOut, status=202, group=GROUP, once=True)
def assign_many(body: BatchBody) -> Response:
    """Share customers out evenly among associates: sizes differ by one at most.

    Up to 5,000 are dealt at once, more by a worker: GET /pool/batches/{id} says how far it is.
    """

    def work(work: Work) -> Done:
        named = [UserId(one) for one in body.userids]
        userids = receivers(work.connection, work.tenant.id, named, body.department_ids)
        choice = choice_of(body.filter or PoolFilter())
        if body.customer_ids is not None:
            choice = PoolChoice(customer_ids=tuple(CustomerId(one) for one in body.customer_ids))
        act = act_of("batch" if named else "department", work)
        batch = ask_batch(
            work.connection,
            work.tenant,
            selection_of(work.tenant.id, choice),
            userids,
            how=body.how,
            also_assigned=body.also_assigned,
            act=act,
        )
        facts = deal(work.connection, work.tenant.id, batch.id, now=work.now)
        batch = load_batch(work.connection, work.tenant.id, batch.id)
        asked = body.model_dump(mode="json", exclude={"customer_ids"}) | {"total_count": batch.total_count}
        return Done(
            batch_out(batch), 202, (Change("pool.shared_out", POOL, f"batch:{batch.id}", after=asked),), facts or ()
        )

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
