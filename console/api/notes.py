"""What people write down of a customer: notes, and events by hand after a template (CUS-13)."""

from flask import Response

from console.api import cursors
from console.api.acting import Done, Work, read, write
from console.api.asked import CustomerPath, PageQuery
from console.api.asked_persons import HandEventBody, NoteBody, NotePath, TemplateBody, TemplatePath
from console.api.customers import sheet_of
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_persons import HandEventOut, NoteOut, NotesOut, RemovedOut, TemplateOut, TemplatesOut
from services.joining.join import NoCustomerError
from services.notes.by_hand import add_template, load_template, load_templates, record_by_hand, remove_template
from services.notes.model import (
    EventRecordedByHand,
    NoNoteError,
    Note,
    NoteAdded,
    NoteRemoved,
    Template,
    TemplateField,
    refuse_misfits,
)
from services.notes.store import add_note, edit_note, load_note, page_notes, remove_note
from services.persons.store import lock_customers, touch
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import CustomerId

GROUP = "notes"


def locked(work: Work, customer_id: int) -> CustomerId:
    """The record that stands for this id; it stays so until the transaction ends.

    Raises:
        NoCustomerError: there is none.
    """
    stands = lock_customers(work.connection, work.tenant.id, [CustomerId(customer_id)])
    if CustomerId(customer_id) not in stands:
        raise NoCustomerError("no such customer")
    return stands[stands[CustomerId(customer_id)]]


def _out(note: Note) -> NoteOut:
    return NoteOut(**note.__dict__)


@operation("get", "/customers/<id>/notes", Scope.CUSTOMERS_READ, NotesOut, group=GROUP)
def list_notes(path: CustomerPath, query: PageQuery) -> Response:
    """List the notes about a customer, newest first."""
    after = cursors.decode(query.cursor, by_time=True)

    def work(work: Work) -> NotesOut:
        customer_id = sheet_of(work, path.id).customer_id
        before = None if after is None or after.updated_at is None else (after.updated_at, after.id)
        rows = page_notes(work.connection, work.tenant, customer_id, before=before, limit=query.limit + 1)
        shown = rows[: query.limit]
        more = cursors.encode(shown[-1].id, shown[-1].at) if len(rows) > len(shown) else None
        return NotesOut(notes=[_out(one) for one in shown], next_cursor=more)

    return read(work)


@operation("post", "/customers/<id>/notes", Scope.CUSTOMERS_WRITE, NoteOut, status=201, group=GROUP, once=True)
def post_note(path: CustomerPath, body: NoteBody) -> Response:
    """Write a note about a customer. It counts as contact (SOP-7)."""

    def work(work: Work) -> Done:
        customer_id = locked(work, path.id)
        note = add_note(work.connection, work.tenant, customer_id, body.body, by=caller().actor, now=work.now)
        touch(work.connection, work.tenant.id, [customer_id], now=work.now)
        change = Change("note.added", "note", str(note.id), {}, {"customer_id": customer_id, "body": note.body})
        fact = NoteAdded(occurred_at=work.now, note_id=note.id, customer_id=customer_id)
        return Done(_out(note), 201, (change,), (fact,))

    return write(work, once=True)


def _note(work: Work, path: NotePath) -> Note:
    note = load_note(work.connection, work.tenant, locked(work, path.id), path.note_id)
    if note is None:
        raise NoNoteError("this customer has no such note")
    return note


@operation("put", "/customers/<id>/notes/<note_id>", Scope.CUSTOMERS_WRITE, NoteOut, group=GROUP)
def put_note(path: NotePath, body: NoteBody) -> Response:
    """Say it in other words; the time stays, and the audit keeps what it said before."""

    def work(work: Work) -> Done:
        before = _note(work, path)
        if before.body == body.body:
            return Done(_out(before))
        note = edit_note(work.connection, work.tenant, before.id, body.body, now=work.now)
        change = Change("note.edited", "note", str(note.id), {"body": before.body}, {"body": note.body})
        return Done(_out(note), 200, (change,))

    return write(work)


@operation("delete", "/customers/<id>/notes/<note_id>", Scope.CUSTOMERS_WRITE, RemovedOut, group=GROUP)
def delete_note(path: NotePath) -> Response:
    """Take a note away; the audit keeps what it said."""

    def work(work: Work) -> Done:
        note = _note(work, path)
        remove_note(work.connection, work.tenant, note.id, now=work.now)
        change = Change("note.removed", "note", str(note.id), {"body": note.body}, {})
        fact = NoteRemoved(occurred_at=work.now, note_id=note.id, customer_id=note.customer_id)
        return Done(RemovedOut(removed=True), 200, (change,), (fact,))

    return write(work)


def _template(template: Template) -> TemplateOut:
    return TemplateOut(**{**template.__dict__, "fields": [one.__dict__ for one in template.fields]})


@operation("get", "/event-templates", Scope.CUSTOMERS_READ, TemplatesOut, group=GROUP)
def list_event_templates() -> Response:
    """List what events can be recorded by hand, and what is to be filled in."""

    def work(work: Work) -> TemplatesOut:
        found = load_templates(work.connection, work.tenant.id)
        return TemplatesOut(templates=[_template(one) for one in found])

    return read(work)


@operation("post", "/event-templates", Scope.CUSTOMERS_WRITE, TemplateOut, status=201, group=GROUP, once=True)
def post_event_template(body: TemplateBody) -> Response:
    """Make a template. It is not changed later: delete it and make another one, what was recorded stays."""
    fields = [TemplateField(**one.model_dump()) for one in body.fields]

    def work(work: Work) -> Done:
        template = add_template(
            work.connection,
            work.tenant.id,
            name=body.name,
            kind=body.kind,
            fields=fields,
            by=caller().actor,
            now=work.now,
        )
        made = {"name": body.name, "kind": body.kind, "fields": [one.__dict__ for one in fields]}
        change = Change("event_template.made", "event_template", str(template.id), {}, made)
        return Done(_template(template), 201, (change,))

    return write(work, once=True)


@operation("post", "/customers/<id>/events", Scope.CUSTOMERS_WRITE, HandEventOut, status=201, group=GROUP, once=True)
def post_event_by_hand(path: CustomerPath, body: HandEventBody) -> Response:
    """Record an event by hand after a template. It counts as contact (SOP-7)."""

    def work(work: Work) -> Done:
        customer_id = locked(work, path.id)
        template = load_template(work.connection, work.tenant.id, body.template_id)
        if template is None:
            raise NoNoteError("there is no such template")
        refuse_misfits(template, body.properties)
        at = body.occurred_at or work.now
        event_id = record_by_hand(
            work.connection,
            work.tenant,
            customer_id,
            template,
            body.properties,
            occurred_at=at,
            by=caller().actor,
            now=work.now,
        )
        touch(work.connection, work.tenant.id, [customer_id], now=work.now)
        after = {"customer_id": customer_id, "kind": template.kind, "properties": body.properties}
        change = Change("event.recorded_by_hand", "customer_event", event_id, {}, after)
        fact = EventRecordedByHand(
            occurred_at=at, event_id=event_id, customer_id=customer_id, kind=template.kind, template_id=template.id
        )
        answer = HandEventOut(event_id=event_id, customer_id=customer_id, kind=template.kind, occurred_at=at)
        return Done(answer, 201, (change,), (fact,))

    return write(work, once=True)


@operation("delete", "/event-templates/<id>", Scope.CUSTOMERS_WRITE, RemovedOut, group=GROUP)
def delete_event_template(path: TemplatePath) -> Response:
    """Nothing is recorded after this template any more; what was stays."""

    def work(work: Work) -> Done:
        if not remove_template(work.connection, work.tenant.id, path.id, now=work.now):
            raise NoNoteError("there is no such template")
        change = Change("event_template.removed", "event_template", str(path.id))
        return Done(RemovedOut(removed=True), 200, (change,))

    return write(work)
