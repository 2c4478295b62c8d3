"""The file of a corp is read strictly, and refusals name the place without showing a secret."""

from pathlib import Path
from typing import Any

import pytest

from shared.corp_file import CorpFileError, load_corp_file, parse_corp_file
from tests.shared.corps import AES_KEY, APP_SECRET, CORP, KEYS, OLD_KEYS, SECRETS, TOKEN, corp_content, corp_file

EXAMPLE = f"""
corp_id = "ww0123456789abcdef"
name = "Example Retail"
timezone = "Asia/Shanghai"
[apps.contact]                 # self-built app in the callable list of customer contact
agent_id = 1000002
secret = "env:CONTACT_SECRET"
[apps.directory]
secret = "{APP_SECRET}"
[receivers.main]
kind = "app"
app = "contact"
token = "{TOKEN}"
encoding_aes_key = "{AES_KEY}"
previous = {{ token = "{OLD_KEYS["token"]}", encoding_aes_key = "{OLD_KEYS["encoding_aes_key"]}" }}
receiveids = ["ww0123456789abcdef"]
"""


def receiver(**changes: Any) -> dict[str, Any]:
    """A corp with one receiver; None takes a field away."""
    fields = {"kind": "app", **KEYS, **changes}
    return corp_content(receivers={"main": {name: value for name, value in fields.items() if value is not None}})


def test_the_documented_example_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What the documentation shows works as it stands."""
    monkeypatch.setenv("CONTACT_SECRET", "from-environment")
    path = tmp_path / "corp.toml"
    path.write_text(EXAMPLE)
    corp = load_corp_file(path)
    assert (corp.corp_id, corp.timezone, corp.language, corp.subject) == (
        "ww0123456789abcdef",
        "Asia/Shanghai",
        "zh",
        "self",
    )
    assert (corp.apps["contact"].agent_id, corp.apps["contact"].secret) == (1000002, "from-environment")
    assert corp.apps["directory"].secret == APP_SECRET
    main = corp.receivers["main"]
    assert main.previous is not None
    assert (main.kind, main.app, main.token, main.previous.token) == ("app", "contact", TOKEN, OLD_KEYS["token"])
    assert main.expected_receiveids(corp.corp_id).post == ["ww0123456789abcdef"]


REFUSALS: list[tuple[dict[str, Any], str]] = [
    (corp_content(colour="red"), "colour: Extra inputs are not permitted"),
    ({"name": "x"}, "corp_id: Field required"),
    (corp_content(corp_id="ww/1"), "corp_id: "),
    (corp_content(name=""), "name: "),
    (corp_content(language="fr"), "language: "),
    (corp_content(timezone="Mars/Olympus"), "timezone: .*is not a time zone"),
    (corp_content(timezone="Asia"), "timezone: .*is not a time zone"),
    (corp_content(timezone=""), "timezone: .*is not a time zone"),
    (corp_content(apps={"contact": {"agent_id": 1}}), "apps.contact.secret: Field required"),
    (corp_content(apps={"contact": {"secret": ""}}), "apps.contact.secret: "),
    (corp_content(apps={"contact": {"secret": APP_SECRET, "agentid": 1}}), "apps.contact.agentid: Extra"),
    (corp_content(apps={"contact": {"secret": APP_SECRET, "agent_id": -1}}), "apps.contact.agent_id: "),
    (corp_content(apps={"contact": {"secret": "env:NOT_SET"}}), "apps.contact.secret: .*NOT_SET is empty or not set"),
    (corp_content(receivers={"a/b": {"kind": "app", **KEYS}}), "file: .*receivers.a/b: the name is part of an address"),
    (receiver(kind="mail"), "receivers.main.kind: "),
    (receiver(app="elsewhere"), "file: .*receivers.main.app names 'elsewhere'"),
    (receiver(colour="red"), "receivers.main.colour: Extra"),
    (receiver(token=None), "receivers.main.token: Field required"),
    (receiver(token="has-a-dash"), "receivers.main.token: .*1 to 32 letters and digits"),
    (receiver(token=TOKEN * 2), "receivers.main.token: .*1 to 32 letters and digits"),
    (receiver(encoding_aes_key=AES_KEY[:-1]), "receivers.main.encoding_aes_key: .*exactly 43"),
    (receiver(encoding_aes_key=AES_KEY + "="), "receivers.main.encoding_aes_key: .*exactly 43"),
    (receiver(encoding_aes_key=None), "receivers.main: .*encoding_aes_key is missing"),
    (receiver(previous={"token": TOKEN * 2}), "receivers.main.previous.token: "),
    (receiver(mode="plaintext"), "receivers.main: .*mode is only for official accounts"),
    (receiver(kind="suite"), "receivers.main: .*a suite needs suite_id and provider_corp_id"),
    (receiver(kind="suite", suite_id="ww2"), "receivers.main: .*a suite needs suite_id and provider_corp_id"),
    (receiver(kind="official_account"), "receivers.main: .*an official account needs app_id"),
    (
        receiver(kind="official_account", mode="compatible", app_id="wx1", encoding_aes_key=None),
        "receivers.main: .*encoding_aes_key is missing",
    ),
]


@pytest.mark.parametrize(("content", "place"), REFUSALS, ids=[place for _, place in REFUSALS])
def test_a_refusal_names_file_and_place_and_shows_no_secret(content: dict[str, Any], place: str):
    """Whoever wrote the file finds the line; whoever reads the log finds no secret."""
    with pytest.raises(CorpFileError, match=f"^corp.toml: {place}") as caught:
        parse_corp_file(content, source="corp.toml")
    assert not [secret for secret in SECRETS if secret[:19] in str(caught.value)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"corp_id =", "Invalid value"), (b"name = '\xff'", "decode")],
)
def test_a_file_that_cannot_be_read_is_refused_by_its_name(tmp_path: Path, content: bytes | None, reason: str):
    """Missing, not TOML and not UTF-8 are told apart."""
    path = tmp_path / "corp.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CorpFileError, match=reason) as caught:
        load_corp_file(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("fields", "get", "post"),
    [
        ({"kind": "app"}, [CORP], [CORP]),
        ({"kind": "directory"}, [CORP], [CORP]),
        ({"kind": "suite", "suite_id": "ww2", "provider_corp_id": "ww9"}, ["ww9"], ["ww2", CORP]),
        ({"kind": "robot"}, [""], [""]),
        ({"kind": "official_account", "app_id": "wx1"}, ["wx1"], ["wx1"]),
        ({"kind": "app", "receiveids": ["a", "b"]}, ["a", "b"], ["a", "b"]),
        ({"kind": "suite", "receiveids": {"get": ["a"], "post": ["b"]}}, ["a"], ["b"]),
    ],
)
def test_each_kind_has_its_own_receive_ids(fields: dict[str, Any], get: list[str], post: list[str]):
    """By default what the platform's documents say; the file may say otherwise."""
    corp = parse_corp_file(receiver(**fields), source="test")
    expected = corp.receivers["main"].expected_receiveids(corp.corp_id)
    assert (expected.get, expected.post) == (get, post)


def test_a_plaintext_official_account_needs_no_key():
    """Nothing is encrypted there."""
    content = receiver(kind="official_account", mode="plaintext", encoding_aes_key=None)
    assert parse_corp_file(content, source="test").receivers["main"].encoding_aes_key is None


def test_a_corp_shows_none_of_its_secrets():
    """It may reach a log or an error text."""
    assert not [secret for secret in SECRETS if secret in repr(corp_file())]
