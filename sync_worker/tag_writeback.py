"""What people want of the catalogue of tags goes to WeCom: read → push → read back, under the catalogue's lease.

Wishes are pushed in the order in which they were made, and the first that WeCom is too busy for holds up those after
it: a name may be free only because of the wish before.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from services.catalogue.ask import catalogue_subject
from services.catalogue.model import GONE, NAME, NEW, new_tag, target_of, what_of
from services.catalogue.plan import WishPlan, plan_wishes
from services.intents.model import Intent
from services.intents.plan import LOOK_AGAIN_AFTER_S, refused
from services.intents.store import load_open
from services.tags.model import Observed
from shared.errors import RetryableError
from shared.requests import Leased
from shared.tenants import may_push
from shared.wecom.client import WeComClient
from shared.wecom.errors import WeComTerminalError
from shared.wecom.payloads import tags as payloads
from sync_worker.pushing import LeaseGoneError, Made, Pushing, Written, words_of
from sync_worker.reconcilers import Looking

NAME_TAKEN = 40071
NOT_OURS = frozenset({60011, 81011})
"""Which of them WeCom says is not verified; see the contracts, corp tags."""
FOREIGN = "an app changes only tags and groups that it made: those of other apps and of people can be used, not edited"


def write_wishes(looking: Looking, leased: Leased, observed: Observed) -> Pushing | None:
    """Push what is wanted of the catalogue that `observed` shows; None when nothing is open.

    The caller reads it again when something may have been written (`ours`), and calls `read_back` with that.

    Raises:
        LeaseGoneError: somebody else looks after the catalogue by now.
    """
    runtime = looking.runtime
    assert runtime is not None
    with runtime.engine.begin() as connection:
        intents = load_open(connection, looking.tenant, leased.subject)
        pushes = may_push(connection, looking.tenant.id)
    if not intents:
        return None
    plan = plan_wishes(intents, observed, lag=timedelta(seconds=runtime.settings.write_lag_s))
    ours = {one.id: one for one in intents if one.pushes}
    again_s = plan.again_s if pushes or ours else None
    pushing = Pushing(runtime, looking.tenant, leased, looking.now, list(plan.settled), ours, again_s)
    if pushes:
        _push_all(looking, plan, pushing)
    return pushing


def _push_all(looking: Looking, plan: WishPlan, pushing: Pushing) -> None:
    client = looking.client()

    def call(intents: Sequence[Intent]) -> Made:
        return _write(client, intents)

    def refuse(intent: Intent, error: WeComTerminalError) -> None:
        if what_of(intent) == NEW and error.code == NAME_TAKEN:
            pushing.accepted([intent], {})  # it is there: the read back finds it
            return
        why = words_of(error) + (f"; {FOREIGN}" if error.code in NOT_OURS else "")
        pushing.settled += refused([intent], code=error.code, why=why)

    for group in plan.pushes:
        try:
            pushing.push(group, call, refuse)
        except LeaseGoneError:
            raise
        except RetryableError as error:
            pushing.put_off(group, error)
            return


def read_back(looking: Looking, pushing: Pushing, observed: Observed) -> Written:
    """What a read after the pushes says of all that is still open."""
    runtime = looking.runtime
    assert runtime is not None
    ended = {one.intent.id for one in pushing.settled}
    with runtime.engine.begin() as connection:
        intents = load_open(connection, looking.tenant, catalogue_subject(looking.tenant.id))
        pushes = may_push(connection, looking.tenant.id)
    rest = [pushing.ours.get(one.id, one) for one in intents if one.id not in ended]
    plan = plan_wishes(rest, observed, lag=timedelta(seconds=runtime.settings.write_lag_s))
    soon_s = _soon(plan) if pushes else None
    again_s = min((s for s in (pushing.again_s, plan.again_s, soon_s) if s is not None), default=None)
    return Written((*pushing.settled, *plan.settled), tuple(pushing.ours.values()), again_s)


def _soon(plan: WishPlan) -> float | None:
    return LOOK_AGAIN_AFTER_S if plan.pushes else None


def _write(client: WeComClient, intents: Sequence[Intent]) -> Made:
    what, ids = what_of(intents[0]), [target_of(one) for one in intents]
    if what == NEW:
        return _make(client, intents)
    if what == GONE:
        groups = [one for one, intent in zip(ids, intents, strict=True) if isinstance(intent.desired, str)]
        client.tags.delete(tag_ids=[one for one in ids if one not in groups], group_ids=groups)
    elif what == NAME:
        client.tags.edit(ids[0], name=str(intents[0].desired))
    else:
        client.tags.edit(ids[0], order=cast(int, intents[0].desired))
    return {}


def _make(client: WeComClient, intents: Sequence[Intent]) -> Made:
    wanted = [new_tag(one) for one in intents]
    group = wanted[0]
    made = client.tags.add(
        [payloads.NewTag(one.name, one.sort) for one in wanted],
        group_id=group.group_id or None,
        group_name=None if group.group_id else group.group_name,
        order=None if group.group_id else group.group_sort,
    )
    ids = {tag.name: tag.tag_id for tag in made.tags or () if tag.name is not None}
    return {one.id: ids[new.name] for one, new in zip(intents, wanted, strict=True) if new.name in ids}
