"""Welcome messages: rules, the files that go with them, and what became of each (OUT-1)."""

from dataclasses import asdict
from datetime import timedelta
from zoneinfo import ZoneInfo

from flask import Response, request

from console.api.acting import Done, Work, read, write
from console.api.asked_welcomes import (
    WelcomeFilePath,
    WelcomeFileQuery,
    WelcomePreviewBody,
    WelcomeRuleBody,
    WelcomeRulePath,
    WelcomesQuery,
    WelcomeTotalsQuery,
)
from console.api.examples_welcomes import FILE as EXAMPLE
from console.api.gate import caller
from console.api.problems import ProblemError
from console.api.routes import operation
from console.api.told_welcomes import (
    WelcomeFileOut,
    WelcomeFilesOut,
    WelcomeOut,
    WelcomePreviewOut,
    WelcomeRuleOut,
    WelcomeRulesOut,
    WelcomesOfRuleOut,
    WelcomesOut,
    WelcomeTotalsOut,
)
from services.welcomes.files import add_file, delete_file, kind_problem, list_files, load_media
from services.welcomes.log import list_welcomes, load_who, totals
from services.welcomes.model import FILE_BYTES, LEAST_FILE_BYTES, SavedRule, State
from services.welcomes.plan import choose, said
from services.welcomes.store import change_rule, delete_rule, load_rule, load_rules, make_rule, rules_of
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import ExternalUserId, UserId

GROUP = "welcomes"
RULE, FILE = "welcome_rule", "welcome_file"
"""Kinds of subjects in the audit."""


@operation("post", "/welcome-files", Scope.WELCOMES_WRITE, WelcomeFileOut, status=201, group=GROUP, raw=EXAMPLE)
def post_welcome_file(query: WelcomeFileQuery) -> Response:
    """Send a picture (JPG, PNG), a video (MP4) or a file as the body, for rules to attach. Customers see its name.

    10 MB at most, a file of kind `file` 20 MB: 413 when it is larger, 422 when it is something else than it is called.
    """
    body = _file_body(query.kind)

    def work(work: Work) -> Done:
        file = add_file(
            work.connection, work.tenant, kind=query.kind, name=query.name, body=body, by=caller().actor, now=work.now
        )
        change = Change("welcome_file.sent", FILE, str(file.id), after={"kind": file.kind, "size": file.size})
        return Done(WelcomeFileOut(**asdict(file)), 201, (change,))

    return write(work)


def _file_body(kind: str) -> bytes:
    """
    Raises:
        ProblemError: too large, too small, or not what it is called.
    """
    most = FILE_BYTES[kind]
    request.max_content_length = most + 1  # instead of the limit of JSON bodies
    body = request.get_data()
    if len(body) > most:
        raise ProblemError(413, "too-large", f"a welcome's {kind} has {most} bytes at most")
    too_small = f"has {len(body)} bytes, WeCom takes {LEAST_FILE_BYTES} or more"
    problem = too_small if len(body) < LEAST_FILE_BYTES else kind_problem(kind, body)
    if problem is not None:
        raise ProblemError(422, "invalid", f"the {kind} {problem}", errors=[("/", problem)])
    return body


@operation("get", "/welcome-files", Scope.WELCOMES_READ, WelcomeFilesOut, group=GROUP)
def list_welcome_files() -> Response:
    """List the files that rules can attach."""

    def work(work: Work) -> WelcomeFilesOut:
        found = list_files(work.connection, work.tenant.id)
        return WelcomeFilesOut(files=[WelcomeFileOut(**asdict(one)) for one in found])

    return read(work)


@operation("get", "/welcome-rules", Scope.WELCOMES_READ, WelcomeRulesOut, group=GROUP)
def list_welcome_rules() -> Response:
    """List the rules of welcome messages."""
    return read(_rules)


def _rules(work: Work) -> WelcomeRulesOut:
    return WelcomeRulesOut(rules=[WelcomeRuleOut.of(one) for one in load_rules(work.connection, work.tenant.id)])


@operation("post", "/welcome-rules", Scope.WELCOMES_WRITE, WelcomeRuleOut, status=201, group=GROUP, once=True)
def make_welcome_rule(body: WelcomeRuleBody) -> Response:
    """Make a rule. It holds from the next new friend on; 409 when it names a file that is not there."""

    def work(work: Work) -> Done:
        saved = make_rule(work.connection, work.tenant.id, body.draft(), by=caller().actor, now=work.now)
        return Done(WelcomeRuleOut.of(saved), 201, (_change("welcome_rule.made", saved.rule.id, after=saved),))

    return write(work, once=True)


@operation("get", "/welcome-rules/<id>", Scope.WELCOMES_READ, WelcomeRuleOut, group=GROUP)
def show_welcome_rule(path: WelcomeRulePath) -> Response:
    """Show a rule."""
    return read(lambda work: WelcomeRuleOut.of(load_rule(work.connection, work.tenant.id, path.id)))


@operation("put", "/welcome-rules/<id>", Scope.WELCOMES_WRITE, WelcomeRuleOut, group=GROUP)
def edit_welcome_rule(path: WelcomeRulePath, body: WelcomeRuleBody) -> Response:
    """Replace what a rule says. A welcome that is under way keeps its words."""

    def work(work: Work) -> Done:
        before = load_rule(work.connection, work.tenant.id, path.id)
        saved = change_rule(work.connection, work.tenant.id, path.id, body.draft(), now=work.now)
        return Done(WelcomeRuleOut.of(saved), 200, (_change("welcome_rule.edited", path.id, before, saved),))

    return write(work)


@operation("delete", "/welcome-rules/<id>", Scope.WELCOMES_WRITE, WelcomeRulesOut, group=GROUP)
def delete_welcome_rule(path: WelcomeRulePath) -> Response:
    """Delete a rule; the others are answered."""

    def work(work: Work) -> Done:
        before = load_rule(work.connection, work.tenant.id, path.id)
        delete_rule(work.connection, work.tenant.id, path.id, now=work.now)
        return Done(_rules(work), 200, (_change("welcome_rule.deleted", path.id, before),))

    return write(work)


def _change(what: str, rule_id: int, before: SavedRule | None = None, after: SavedRule | None = None) -> Change:
    shown = [{} if one is None else WelcomeRuleOut.of(one).model_dump(mode="json") for one in (before, after)]
    return Change(what, RULE, str(rule_id), *shown)


@operation("post", "/welcome-rules:preview", Scope.WELCOMES_READ, WelcomePreviewOut, group=GROUP)
def preview_welcome(body: WelcomePreviewBody) -> Response:
    """Say which rule would speak to this associate's new friend, and what it would say. Nothing is sent."""

    def work(work: Work) -> WelcomePreviewOut:
        tenant, at, userid = work.tenant, body.at or work.now, UserId(body.userid)
        whom = ExternalUserId(body.external_userid) if body.external_userid else None
        names, outlets, pushes = load_who(work.connection, tenant.id, userid, whom)
        saved = load_rules(work.connection, tenant.id, enabled_only=True)
        rule = choose(
            rules_of(saved), userid, outlets=outlets, state=body.state, now=at, zone=ZoneInfo(tenant.timezone)
        )
        chosen = next((one for one in saved if one.rule == rule), None)
        if chosen is None:
            return WelcomePreviewOut(rule=None, sends=pushes, text=None, attachment_count=0, left_out=0)
        files = [one["file_id"] for one in chosen.draft.attachments if "file_id" in one]
        media = load_media(work.connection, tenant.id, files)
        told = said(chosen.draft.text, chosen.draft.attachments, names, media=media, now=work.now)
        return WelcomePreviewOut(
            rule=WelcomeRuleOut.of(chosen),
            sends=pushes,
            text=told.text,
            attachment_count=len(told.attachments),
            left_out=told.left_out,
        )

    return read(work)


@operation("delete", "/welcome-files/<id>", Scope.WELCOMES_WRITE, WelcomeFileOut, group=GROUP)
def delete_welcome_file(path: WelcomeFilePath) -> Response:
    """Delete a file; 409 while a rule attaches it."""

    def work(work: Work) -> Done:
        file = delete_file(work.connection, work.tenant.id, path.id)
        change = Change("welcome_file.deleted", FILE, str(path.id), before={"kind": file.kind, "size": file.size})
        return Done(WelcomeFileOut(**asdict(file)), 200, (change,))

    return write(work)


@operation("get", "/welcomes", Scope.WELCOMES_READ, WelcomesOut, group=GROUP)
def list_all_welcomes(query: WelcomesQuery) -> Response:
    """List welcomes with what became of each."""

    def work(work: Work) -> WelcomesOut:
        found = list_welcomes(
            work.connection,
            work.tenant.id,
            userid=query.userid,
            external_userid=query.external_userid,
            state=query.state,
            before=query.before,
            limit=query.limit,
        )
        return WelcomesOut(welcomes=[WelcomeOut(**asdict(one)) for one in found])

    return read(work)


@operation("get", "/welcomes/totals", Scope.WELCOMES_READ, WelcomeTotalsOut, group=GROUP)
def count_welcomes(query: WelcomeTotalsQuery) -> Response:
    """Count welcomes by what became of them, and by rule."""

    def work(work: Work) -> WelcomeTotalsOut:
        until = query.until or work.now
        since = query.since or until - timedelta(days=1)
        found = totals(work.connection, work.tenant.id, since=since, until=until)
        states = {state: sum(n for (one, _), n in found.items() if one is state) for state in State}
        return WelcomeTotalsOut(
            since=since,
            until=until,
            states=states,
            rules=[
                WelcomesOfRuleOut(
                    rule_id=rule_id,
                    count=sum(n for (_, one), n in found.items() if one == rule_id),
                    sent=found.get((State.SENT, rule_id), 0),
                )
                for rule_id in sorted({one for _, one in found}, key=lambda one: (one is None, one or 0))
            ],
        )

    return read(work)
