"""Finding customers: pages and counts of what a filter finds, its fields, a filter in words (CUS-1 to CUS-3)."""

import base64
import binascii

import orjson
from flask import Response

from console.api.acting import Work, read
from console.api.asked_finding import CountBody, ExplainBody, SearchBody
from console.api.problems import ProblemError
from console.api.routes import operation
from console.api.told_finding import CountOut, FieldOut, FieldsOut, FoundOut, FoundPageOut, WordsOut
from console.desk import desk
from services.finding.fields import FIELDS, PREFIX, field_called
from services.finding.giving import Context
from services.finding.listing import After, Sort, count_found, find_page
from services.finding.rows import ListedCustomer, load_rows
from services.finding.store import context_of, load_definitions, load_names, read_filter
from services.finding.words import in_words, wanted_names
from shared.api_keys import Scope
from shared.ids import CustomerId

GROUP = "finding"


def _context(work: Work) -> Context:
    return context_of(work.tenant, region=desk().runtime.settings.phone_region, now=work.now)


@operation("get", "/filters/fields", Scope.CUSTOMERS_READ, FieldsOut, group=GROUP, limited=True)
def list_filter_fields() -> Response:
    """List the fields that filters may ask for, the corp's custom ones among them, with their operators."""

    def work(work: Work) -> FieldsOut:
        own = load_definitions(work.connection, work.tenant)
        specs = [*FIELDS.values(), *(field_called(PREFIX + key, own) for key in sorted(own))]
        return FieldsOut(
            fields=[
                FieldOut(name=s.name, kind=s.kind.value, ops=list(s.ops), options=list(s.options), en=s.en, zh=s.zh)
                for s in specs
                if s is not None
            ]
        )

    return read(work)


@operation("post", "/customers:search", Scope.CUSTOMERS_READ, FoundPageOut, group=GROUP, limited=True)
def search_customers(body: SearchBody) -> Response:
    """Find customers by a filter, a page at a time. Changes nothing, for all that it is a POST."""
    after = _decode(body.cursor, body.sort)

    def work(work: Work) -> FoundPageOut:
        chosen = read_filter(work.connection, work.tenant, body.filter)
        found = find_page(work.connection, chosen, _context(work), sort=body.sort, after=after, limit=body.limit + 1)
        shown = found[: body.limit]
        rows = load_rows(work.connection, work.tenant, [one.customer_id for one in shown])
        more = len(found) > len(shown)
        return FoundPageOut(
            customers=[_out(row) for row in rows],
            next_cursor=_encode(shown[-1].key, body.sort) if more else None,
        )

    return read(work)


def _out(row: ListedCustomer) -> FoundOut:
    own = row.own
    same = {name: getattr(row, name) for name in FoundOut.model_fields if hasattr(row, name)}
    return FoundOut(
        **same,
        real_name=own.get("real_name"),
        level=own.get("level"),
        gender=own.get("gender"),
        fields=own.get("fields") or {},
    )


def _encode(after: After, sort: Sort) -> str:
    packed = orjson.dumps([sort.value, after.value, after.customer_id])
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _decode(cursor: str | None, sort: Sort) -> After | None:
    """
    Raises:
        ProblemError: nobody got this cursor from here, or from a search in another order.
    """
    if cursor is None:
        return None
    try:
        named, value, id_ = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        after = After(sort.checked(value), CustomerId(id_))
        if named != sort.value or type(id_) is not int or not 0 <= id_ < 2**63:
            raise ValueError
    except (ValueError, TypeError, binascii.Error, OverflowError):
        why = "no cursor of this search: start without one"
        raise ProblemError(400, "cursor", why, errors=[("/cursor", why)]) from None
    return after


@operation("post", "/customers:count", Scope.CUSTOMERS_READ, CountOut, group=GROUP, limited=True)
def count_customers(body: CountBody) -> Response:
    """Count what a filter finds; beyond ten thousand it is estimated, and said to be, unless it must be exact."""

    def work(work: Work) -> CountOut:
        chosen = read_filter(work.connection, work.tenant, body.filter)
        count = count_found(work.connection, chosen, _context(work), exact=body.exact)
        return CountOut(count=count.number, estimated=count.estimated)

    return read(work)


@operation("post", "/filters:explain", Scope.CUSTOMERS_READ, WordsOut, group=GROUP, limited=True)
def explain_filter(body: ExplainBody) -> Response:
    """Say a filter in words, in English and Chinese, with the names of what it mentions."""

    def work(work: Work) -> WordsOut:
        chosen = read_filter(work.connection, work.tenant, body.filter)
        names, zone = load_names(work.connection, work.tenant, wanted_names(chosen)), _context(work).zone
        return WordsOut(
            en=in_words(chosen, names, language="en", zone=zone), zh=in_words(chosen, names, language="zh", zone=zone)
        )

    return read(work)
