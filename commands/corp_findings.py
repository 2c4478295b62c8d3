"""What `guanxi corp check` finds: one line for each thing that was tried, in one language."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from commands.corp_words import (
    HINT_ADVICE,
    NO_ANSWER,
    NOT_NOW,
    REFUSED,
    REFUSED_ADDRESS,
    RETRY_CHECK,
    TITLES,
    UNREACHABLE_ADVICE,
)
from shared.errors import RetryableError, TerminalError
from shared.wecom.errors import PostponedError, UnreachableError, WeComError
from shared.wecom.errors.table import entry_of
from shared.wecom.errors.words import Words

T = TypeVar("T")
OK, FAILED, SKIPPED = "ok", "FAIL", "skipped"
NOT_TRUSTED = 60020


@dataclass(frozen=True)
class Finding:
    """One line. `code` is WeCom's error code, `address` this machine's as WeCom saw it; ids only, no names."""

    check: str
    app: str | None
    state: str
    text: str
    advice: str | None = None
    code: int | None = None
    address: str | None = None


@dataclass
class Findings:
    """The lines of one tenant. Calls of an app that is blocked are not made: their lines say why."""

    language: str
    lines: list[Finding] = field(default_factory=list)
    _blocked: dict[str, Words] = field(default_factory=dict)

    def ok(self, check: str, found: Words, *, app: str | None = None, **values: object) -> None:
        self._add(check, app, OK, found.said(self.language, app=app, **values))

    def skip(self, check: str, why: Words, *, app: str | None = None, **values: object) -> None:
        """An app that is blocked is the better reason."""
        why = self._blocked.get(app or "", why)
        self._add(check, app, SKIPPED, why.said(self.language, app=app, **values))

    def fail(self, check: str, found: Words, advice: Words | None, *, app: str | None = None, **values: object) -> None:
        told = advice.said(self.language, app=app, **values) if advice else None
        self._add(check, app, FAILED, found.said(self.language, app=app, **values), advice=told)

    def block(self, app: str, why: Words) -> None:
        self._blocked[app] = why

    def blocked(self, app: str) -> bool:
        return app in self._blocked

    def asked(self, check: str, ask: Callable[[], T], *, app: str) -> T | None:
        """What `ask` returned; None when it was skipped or failed, which its line tells then."""
        if app in self._blocked:
            self.skip(check, self._blocked[app], app=app)
            return None
        try:
            return ask()
        except (RetryableError, TerminalError) as error:
            self.refused(check, error, app=app)
            return None

    def refused(self, check: str, error: Exception, *, app: str) -> None:
        """The line of a call that failed."""
        match error:
            case WeComError():
                self._refused_by_wecom(check, error, app=app)
            case PostponedError():
                self.fail(check, NOT_NOW, RETRY_CHECK, app=app, wait_s=round(error.after_s or 1))
            case UnreachableError():
                self.fail(check, NO_ANSWER, UNREACHABLE_ADVICE, app=app, reason=error.reason)
            case _:
                self.fail(check, Words("{reason}", "{reason}"), None, app=app, reason=error)

    def _refused_by_wecom(self, check: str, error: WeComError, *, app: str) -> None:
        entry, seen = entry_of(error.code), error.address or None
        shown = REFUSED_ADDRESS if error.code == NOT_TRUSTED and seen else REFUSED
        meaning = entry.meaning.said(self.language)
        text = shown.said(self.language, meaning=meaning, code=error.code, address=seen)
        told = entry.advice.said(self.language) if entry.advice else None
        if told is None and error.hint:
            told = HINT_ADVICE.said(self.language, hint=error.hint)
        self._add(check, app, FAILED, text, advice=told, code=error.code, address=seen)

    def _add(
        self,
        check: str,
        app: str | None,
        state: str,
        text: str,
        *,
        advice: str | None = None,
        code: int | None = None,
        address: str | None = None,
    ) -> None:
        title = TITLES[check].said(self.language, app=app)
        colon = "：" if self.language == "zh" else ": "
        self.lines.append(Finding(check, app, state, f"{title}{colon}{text}", advice, code, address))
