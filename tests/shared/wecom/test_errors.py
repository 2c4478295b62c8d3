"""What an error code makes the client do, and what it tells people."""

from string import Formatter

import pytest

from shared.wecom.errors import TOKEN_CODES, WeComError, WeComRetryableError, WeComTerminalError, error_for
from shared.wecom.errors.advice import ADVICE
from shared.wecom.errors.table import CONFIGURATION_WAIT_S, TABLE, Action, entry_of
from shared.wecom.errors.words import Words

HINT = "hint: [1700000000_5_4f2c]"
UNDERSTOOD = (Action.AGAIN, Action.RENEW, Action.WINDOW, Action.SETTLE)


@pytest.mark.parametrize(
    ("code", "action", "after_s"),
    [
        (-1, Action.AGAIN, None),
        (6000, Action.AGAIN, None),
        (45033, Action.AGAIN, 1.0),
        (45035, Action.AGAIN, 1.0),
        (45036, Action.AGAIN, 5.0),
        (45009, Action.WINDOW, 60.0),
        (40001, Action.RENEW, 300.0),
        (40014, Action.RENEW, 300.0),
        (42001, Action.RENEW, 300.0),
        *((code, Action.SETTLE, 300.0) for code in (40013, 40091, 48002, 48006, 50003, 60020)),
        *((code, Action.SETTLE, 300.0) for code in (60031, 301007, 610023, 610024)),
    ],
)
def test_a_code_that_may_pass_says_when_to_come_again(code: int, action: Action, after_s: float | None):
    """The waits are the table's; the caller's backoff fills in where it names none."""
    error = error_for("api", code, "words of WeCom")
    assert isinstance(error, WeComRetryableError) and error.after_s == after_s
    assert entry_of(code).action is action


@pytest.mark.parametrize("code", [40003, 40058, 40096, 41050, 48009, 60011, 60111, 81013, 84061, 301002, 701008, 99999])
def test_any_other_code_is_final(code: int):
    """Known or not: the same call will not succeed."""
    assert isinstance(error_for("api", code, ""), WeComTerminalError)


def test_only_what_may_pass_has_a_wait():
    """Everything else is NEVER, and is not tried again."""
    for code, entry in TABLE.items():
        assert entry.action in (*UNDERSTOOD, Action.NEVER)
        assert entry.wait_s is None or entry.action in UNDERSTOOD, code


def test_tokens_are_renewed_for_three_codes():
    """More would fetch tokens for errors that a token cannot mend."""
    assert frozenset({40001, 40014, 42001}) == TOKEN_CODES


def test_every_text_is_there_in_both_languages():
    """Meanings of all codes and all advice; none has places to fill."""
    texts = [*(entry.meaning for entry in TABLE.values()), *ADVICE.values(), entry_of(99999).meaning]
    for text in texts:
        assert text.en.strip() and text.zh.strip() and text.en != text.zh
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh), text
        assert [field for _, field, _, _ in Formatter().parse(text.en + text.zh) if field] == []
        assert text.said("zh") == text.zh and text.said("en") == text.en


@pytest.mark.parametrize(
    "code",
    [
        *(40001, 40013, 40014, 40056, 40091, 42001, 48002, 48006, 48009, 50002, 50003),
        *(60011, 60020, 60031, 60111, 81013, 84074, 301002, 301007, 610023, 610024),
    ],
)
def test_what_is_a_matter_of_configuration_has_advice(code: int):
    """A person reads what to do, not only that it failed."""
    assert entry_of(code).advice is not None


def test_whatever_waits_for_a_person_has_advice_and_a_known_code():
    """The slow tries go on until somebody acts: they must be told what to do."""
    for code, entry in TABLE.items():
        if entry.wait_s == CONFIGURATION_WAIT_S:
            assert entry.advice is not None, code
    assert ADVICE.keys() <= TABLE.keys()


@pytest.mark.parametrize(
    ("message", "address"),
    [
        (f"not allow to access from your ip, {HINT}, from ip: 203.0.113.7, more info at https://x", "203.0.113.7"),
        (f"not allow, {HINT}, from ip: 2001:db8::1, more info at https://x", "2001:db8::1"),
        ("From IP:203.0.113.7. More", "203.0.113.7"),
        ("from ip: 203.0.113.7", "203.0.113.7"),
        ("from ip: , more info", ""),
        ("from ip: unknown", ""),
        (HINT, ""),
        ("", ""),
    ],
)
def test_the_address_that_wecom_saw_is_read_from_the_message(message: str, address: str):
    """It is for people; whatever else the message says changes nothing."""
    assert WeComError("api", 60020, message).address == address


def test_an_errors_text_has_the_hint_and_not_the_rest_of_wecoms_message():
    """Messages of WeCom's may quote what was sent."""
    error = error_for("api", 40058, f"invalid parameter 13800138000, {HINT}, from ip: 203.0.113.7")
    assert error.hint == "1700000000_5_4f2c" and error.hint in str(error)
    assert "13800138000" not in str(error)


def test_a_text_is_english_for_an_unknown_language():
    """A corp's language is zh or en."""
    assert Words("a {n}", "一 {n}").said("fr", n=1) == "a 1"
