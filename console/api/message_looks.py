"""What messages say and how they look: texts of a corp's own, and the form of each kind."""

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_looks import FormBody, FormPath, PreviewBody, TextBody, TextPath, TextQuery
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_looks import (
    FormOut,
    FormsOut,
    OwnTextOut,
    PreviewOut,
    TemplateOut,
    TemplatesOut,
    TextOut,
)
from services.message_cards.model import BUTTONS
from services.message_templates.model import (
    DESCRIPTION_MOST,
    TITLE_MOST,
    Dress,
    Name,
    NoTextError,
    OwnText,
    Text,
    sample_words,
)
from services.message_templates.shipped import known_words, shipped, shipped_text
from services.message_templates.store import (
    delete_own_text,
    load_dresses,
    load_own_texts,
    record_dress,
    record_own_text,
)
from services.message_templates.writing import check
from services.message_templates.writing import write as written_with
from shared.api_keys import Scope
from shared.audit import Change

GROUP = "reminders"
TEMPLATE, FORM = "message_template", "message_form"
"""Subject kinds in the audit."""


def _template_out(name: Name, own: OwnText | None) -> TemplateOut:
    return TemplateOut(
        **name._asdict(),
        words=list(known_words(name.notice, folded=name.folded)),
        shipped=TextOut(**vars(shipped_text(name))),
        own=None
        if own is None
        else OwnTextOut(**vars(own.text), version=own.version, updated_at=own.updated_at, updated_by=own.updated_by),
    )


@operation("get", "/reminders/templates", Scope.REMINDERS_READ, TemplatesOut, group=GROUP)
def list_message_templates() -> Response:
    """List the text of every kind in every language: as shipped, and the corp's own in its place."""

    def work(work: Work) -> TemplatesOut:
        own = load_own_texts(work.connection, work.tenant.id)
        return TemplatesOut(
            templates=[_template_out(name, own.get(name)) for name in sorted(shipped())],
            title_most=TITLE_MOST,
            description_most=DESCRIPTION_MOST,
        )

    return read(work)


def _checked(name: Name, text: Text) -> None:
    """
    Raises:
        NoTextError, TextRefusedError: there is no such text, or it cannot be so.
    """
    shipped_text(name)
    check(text, known_words(name.notice, folded=name.folded), language=name.language)


@operation("put", "/reminders/templates/<notice>/<language>", Scope.REMINDERS_WRITE, TemplateOut, group=GROUP)
def put_message_template(path: TextPath, body: TextBody) -> Response:
    """Write a text of the corp's own. Messages that are rendered from now on have it; those that wait, too."""
    name, text = Name(path.notice, path.language, body.folded), Text(body.title, body.description)
    _checked(name, text)

    def work(work: Work) -> Done:
        before = load_own_texts(work.connection, work.tenant.id).get(name)
        own = record_own_text(work.connection, work.tenant.id, name, text, by=caller().actor, now=work.now)
        was = vars(before.text) if before else {}
        change = Change("message_template.written", TEMPLATE, _key(name), was, vars(text))
        return Done(_template_out(name, own), 200, (change,))

    return write(work)


def _key(name: Name) -> str:
    return f"{name.notice}/{name.language}" + ("/folded" if name.folded else "")


@operation("delete", "/reminders/templates/<notice>/<language>", Scope.REMINDERS_WRITE, TemplateOut, group=GROUP)
def delete_message_template(path: TextPath, query: TextQuery) -> Response:
    """Go back to the shipped text."""
    name = Name(path.notice, path.language, query.folded)
    shipped_text(name)

    def work(work: Work) -> Done:
        before = load_own_texts(work.connection, work.tenant.id).get(name)
        gone = delete_own_text(work.connection, work.tenant.id, name)
        was = vars(before.text) if before else {}
        changes = (Change("message_template.deleted", TEMPLATE, _key(name), was, {}),) if gone else ()
        return Done(_template_out(name, None), 200, changes)

    return write(work)


@operation("post", "/reminders/templates:preview", Scope.REMINDERS_READ, PreviewOut, group=GROUP)
def preview_message_template(body: PreviewBody) -> Response:
    """Try a text with samples: what a reader would see, or what is wrong with it. Nothing is kept."""
    name, text = Name(body.notice, body.language, body.folded), Text(body.title, body.description)
    _checked(name, text)
    known = known_words(name.notice, folded=name.folded)
    given = {word: value for word, value in body.words.items() if word in known and word != "above"}
    found = written_with(text, sample_words(known, name.language, above=body.above) | given)
    answer = PreviewOut(**vars(found), title_characters=len(found.title), description_characters=len(found.description))
    return read(lambda _work: answer)


def _form_out(notice: str, dress: Dress) -> FormOut:
    buttons = [one.value for one in BUTTONS.get(notice, ())]
    return FormOut(notice=notice, form=dress.form, appid=dress.appid, page=dress.page, buttons=buttons)


@operation("get", "/reminders/forms", Scope.REMINDERS_READ, FormsOut, group=GROUP)
def list_message_forms() -> Response:
    """List in which form each kind goes out."""

    def work(work: Work) -> FormsOut:
        dresses = load_dresses(work.connection, work.tenant.id)
        notices = sorted({name.notice for name in shipped()})
        return FormsOut(forms=[_form_out(one, dresses.get(one, Dress())) for one in notices])

    return read(work)


@operation("put", "/reminders/forms/<notice>", Scope.REMINDERS_WRITE, FormOut, group=GROUP)
def put_message_form(path: FormPath, body: FormBody) -> Response:
    """Choose the form of a kind. Only text cards show everywhere; the others show in WeCom's own client."""
    if path.notice not in {name.notice for name in shipped()}:
        raise NoTextError(f"there is no kind of message {path.notice!r}")
    dress = Dress(body.form, body.appid, body.page)

    def work(work: Work) -> Done:
        before = load_dresses(work.connection, work.tenant.id).get(path.notice, Dress())
        record_dress(work.connection, work.tenant.id, path.notice, dress, by=caller().actor, now=work.now)
        changes = (Change("message_form.chosen", FORM, path.notice, vars(before), vars(dress)),)
        return Done(_form_out(path.notice, dress), 200, changes if before != dress else ())

    return write(work)
