"""Rules in a worker: what follows from cards that changed, runs over everybody, behaviours that count for scores.

All of it works where cards are made: under the same lock of a corp, so what a rule looks at is what cards show.
"""

from collections.abc import Sequence

import structlog
from sqlalchemy import Connection

from services.cards.model import Refreshed
from services.cards.store import lock_cards
from services.finding.giving import Context
from services.finding.store import context_of
from services.local_tags.model import CustomerTagged, LocalTagGiven, LocalTagTaken
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Fact
from services.rules.applying import Applied, apply_rules
from services.rules.book import Book, Books
from services.rules.model import Rule
from services.rules.plan import Round, needs_daily, plan_rounds, rounds_of
from services.rules.runs import PAGE, OpenPage, ask_runs, lock_open_page, record_page, take_daily, tenants_with_runs
from services.scores.counting import count_behaviours, tenants_with_behaviours
from services.scores.model import ScoreChanged
from services.segments.store import want_daily
from services.stages.model import CustomerStageChanged
from shared.db.engine import describe, is_passing, transact
from shared.directory import Directory
from shared.runtime import Runtime
from shared.tenants import Tenant
from sync_worker.looking import each_alone

DAILY, RETRY = "daily", "retry"
"""Who asked for such a run, in its row."""

log = structlog.get_logger()


class Ruling:
    """One per process; it remembers the rules of every corp until they change. `page`: customers of a transaction."""

    def __init__(self, runtime: Runtime, directory: Directory, *, page: int = PAGE) -> None:
        self._runtime, self._directory, self._books = runtime, directory, Books()
        self._limit = page

    def follow(self, connection: Connection, tenant: Tenant, refreshed: Sequence[Refreshed]) -> None:
        """Apply the rules that these cards concern, in the transaction that made the cards."""
        if not refreshed or (book := self._books.of(connection, tenant)) is None:
            return
        if not (rounds := plan_rounds(book.index, refreshed)):
            return
        try:
            with connection.begin_nested():
                failed = self._apply(connection, tenant, rounds).failed
        except Exception as error:
            if is_passing(error):
                raise  # cards are made anew then, and rules asked again
            log.error("rules.not_followed", tenant_id=tenant.id, reason=describe(error))
            failed = tuple(rule for one in rounds for rule in one.rules)
        if failed:
            now = self._runtime.clock.now()
            ask_runs(connection, tenant.id, [one.key for one in failed], by=RETRY, now=now)

    def step(self) -> int:
        """Ask for what the day calls for, then one page of a run and one batch of behaviours of each corp; how many."""
        self._ask_daily()
        with self._runtime.engine.begin() as connection:
            running = tenants_with_runs(connection)
            counting = tenants_with_behaviours(connection)
            usable = self._directory.usable(connection, sorted({*running, *counting}))
        done = 0
        for tenant_ids, work in ((counting, self._count), (running, self._page)):
            tenants = [usable[one] for one in tenant_ids if one in usable]
            done += each_alone(tenants, work, what="rules", tenant_of=lambda one: one.id)
        return done

    def _apply(self, connection: Connection, tenant: Tenant, rounds: Sequence[Round]) -> Applied:
        applied = apply_rules(connection, rounds, self._context(tenant))
        settings, now = self._runtime.settings, self._runtime.clock.now()
        facts = [Caused(one, "rule", _by(one)) for one in applied.facts]
        record_facts_and_notices(connection, tenant, facts, now=now, ttl_s=settings.message_ttl_s)
        return applied

    def _context(self, tenant: Tenant) -> Context:
        settings = self._runtime.settings
        return context_of(tenant, region=settings.phone_region, now=self._runtime.clock.now())

    def _page(self, tenant: Tenant) -> int:
        """1 when a page was done; 0 when somebody else is at this corp's cards."""
        return transact(self._runtime.engine, lambda connection: self._page_in(connection, tenant))

    def _page_in(self, connection: Connection, tenant: Tenant) -> int:
        if not lock_cards(connection, tenant.id):
            return 0
        book, page = self._books.of(connection, tenant), lock_open_page(connection, tenant.id, limit=self._limit)
        if book is None or page is None:
            return 0
        rules = _rules_of(book, page)
        applied = self._apply(connection, tenant, rounds_of(dict.fromkeys(rules, page.customer_ids)))
        failed, changed = [one.key for one in applied.failed], len(applied.customer_ids)
        now = self._runtime.clock.now()
        record_page(connection, tenant.id, page, failed=failed, changed_count=changed, now=now)
        return 1

    def _count(self, tenant: Tenant) -> int:
        settings, now = self._runtime.settings, self._runtime.clock.now()

        def work(connection: Connection) -> int:
            counted, facts = count_behaviours(connection, tenant, now=now)
            caused = [Caused(one, "rule", _by(one)) for one in facts]
            record_facts_and_notices(connection, tenant, caused, now=now, ttl_s=settings.message_ttl_s)
            return counted

        return transact(self._runtime.engine, work)

    def _ask_daily(self) -> None:
        now = self._runtime.clock.now()
        with self._runtime.engine.begin() as connection:
            due = take_daily(connection, hour=self._runtime.settings.rules_hour, now=now)
            for tenant in self._directory.usable(connection, due).values():
                book = self._books.of(connection, tenant)
                keys = [one.key for one in book.index.rules if needs_daily(one)] if book else []
                if keys:
                    ask_runs(connection, tenant.id, keys, by=DAILY, now=now)
                segments = want_daily(connection, tenant.id, by=DAILY, now=now)
                log.info("rules.daily", tenant_id=tenant.id, rules=len(keys), segments=segments)


def _by(fact: Fact) -> str:
    """The rule, as it stands in the fact's row."""
    match fact:
        case CustomerTagged() | LocalTagGiven() | LocalTagTaken():
            return "rule:tags"  # a tag has one rule, and customer_tag names it
        case CustomerStageChanged():
            return f"rule:line:{fact.line_id}"
        case ScoreChanged():
            return f"rule:score:{fact.rule_ids[0]}"
        case _:
            raise TypeError(type(fact).__name__)


def _rules_of(book: Book, page: OpenPage) -> list[Rule]:
    """Those that still apply; the run of one that does not ends with its page."""
    return [rule for rule in (book.find(key) for key in page.keys) if rule is not None]
