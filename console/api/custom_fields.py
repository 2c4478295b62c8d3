"""Custom fields: their definitions (CUS-5). Their values are among a customer's own fields."""

from collections.abc import Sequence

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_records import FieldBody, FieldEditBody, FieldOrderBody, FieldPath, OptionIn
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_records import CustomFieldOut, CustomFieldsOut, OptionOut
from services.fields.model import Field, FieldEdit, Option, WantedOption
from services.fields.plan import plan_edit, plan_new, plan_order
from services.fields.store import (
    find_field,
    load_fields,
    lock_fields,
    record_deleted,
    record_edit,
    record_new,
    record_order,
    stored_options,
    want_cards,
)
from shared.api_keys import Scope
from shared.audit import Change

GROUP, KIND = "custom fields", "custom_field"


@operation("get", "/custom-fields", Scope.CUSTOMERS_READ, CustomFieldsOut, group=GROUP, limited=True)
def list_custom_fields() -> Response:
    """List the custom fields, those that are switched off among them, in their order."""
    return read(lambda work: _fields_out(load_fields(work.connection, work.tenant.id)))


@operation("post", "/custom-fields", Scope.FIELDS_WRITE, CustomFieldOut, status=201, group=GROUP, once=True)
def make_custom_field(body: FieldBody) -> Response:
    """Make a field. Its key and kind are for ever; 409 when its name or key is taken."""

    def work(work: Work) -> Done:
        others = lock_fields(work.connection, work.tenant.id)
        field = plan_new(body.key, body.name, body.kind, _edit(body), others=others)
        record_new(work.connection, work.tenant.id, field, now=work.now)
        return Done(_field_out(field), 201, (_change("made", field.key, {}, _values(field)),))

    return write(work, once=True)


@operation("put", "/custom-fields:order", Scope.FIELDS_WRITE, CustomFieldsOut, group=GROUP)
def order_custom_fields(body: FieldOrderBody) -> Response:
    """Put fields in order: those named come first, the others follow in theirs."""

    def work(work: Work) -> Done:
        before = lock_fields(work.connection, work.tenant.id)
        after = plan_order(before, body.keys)
        record_order(work.connection, work.tenant.id, after)
        old, new = ([one.key for one in some] for some in (before, after))
        changes = (_change("ordered", "*", {"order": old}, {"order": new}),) if old != new else ()
        return Done(_fields_out(after), 200, changes)

    return write(work)


@operation("patch", "/custom-fields/<key>", Scope.FIELDS_WRITE, CustomFieldOut, group=GROUP, once=True)
def edit_custom_field(path: FieldPath, body: FieldEditBody) -> Response:
    """Change a field. `options` are all of them; one that is left out is withdrawn, and who has it keeps it.

    What nobody may filter by any more leaves the lists in the background, but cannot be asked for from now on.
    """

    def work(work: Work) -> Done:
        fields = lock_fields(work.connection, work.tenant.id)
        before = find_field(fields, path.key)
        after = plan_edit(before, _edit(body), others=fields)
        if after == before:
            return Done(_field_out(after), 200)
        record_edit(work.connection, work.tenant.id, after)
        if after.personal != before.personal:
            want_cards(work.connection, work.tenant.id, by=caller().actor, now=work.now)
        old, new = _values(before), _values(after)
        changed = [name for name in old if old[name] != new[name]]
        told = ({name: some[name] for name in changed} for some in (old, new))
        return Done(_field_out(after), 200, (_change("edited", path.key, *told),))

    return write(work, once=True)


@operation("delete", "/custom-fields/<key>", Scope.FIELDS_WRITE, CustomFieldsOut, group=GROUP)
def delete_custom_field(path: FieldPath) -> Response:
    """Delete a field. Its values are not shown any more, and its key is not used again."""

    def work(work: Work) -> Done:
        fields = lock_fields(work.connection, work.tenant.id)
        gone = find_field(fields, path.key)
        record_deleted(work.connection, work.tenant.id, path.key, now=work.now)
        if not gone.personal:
            want_cards(work.connection, work.tenant.id, by=caller().actor, now=work.now)
        left = [one for one in fields if one.key != path.key]
        return Done(_fields_out(left), 200, (_change("deleted", path.key, _values(gone), {}),))

    return write(work)


def _edit(body: FieldBody | FieldEditBody) -> FieldEdit:
    given = {name: getattr(body, name) for name in FieldEdit.__dataclass_fields__ if name not in ("name", "options")}
    options = None if body.options is None else tuple(_wanted(one) for one in body.options)
    return FieldEdit(name=body.name, options=options, **given)


def _wanted(one: OptionIn) -> WantedOption:
    return WantedOption(one.name, one.id, one.withdrawn, tuple(_wanted(below) for below in one.options))


def _change(what: str, key: str, before: dict[str, object], after: dict[str, object]) -> Change:
    return Change(f"custom_field.{what}", KIND, key, before, after)


def _values(field: Field) -> dict[str, object]:
    values = {name: getattr(field, name) for name in CustomFieldOut.model_fields if name != "key"}
    return {**values, "kind": field.kind.value, "options": stored_options(field.options)}


def _fields_out(fields: Sequence[Field]) -> CustomFieldsOut:
    return CustomFieldsOut(fields=[_field_out(one) for one in fields])


def _field_out(field: Field) -> CustomFieldOut:
    values = {name: getattr(field, name) for name in CustomFieldOut.model_fields if name != "options"}
    return CustomFieldOut(**values, options=_options_out(field.options))


def _options_out(options: Sequence[Option]) -> list[OptionOut]:
    return [
        OptionOut(id=one.id, name=one.name, withdrawn=one.withdrawn, options=_options_out(one.options))
        for one in options
    ]
