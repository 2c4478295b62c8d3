"""No fact and no notice is forgotten."""

from pathlib import Path

import pytest

import notifier
from notifier.messages import specs
from services.notices import model
from services.notices.model import FOLDED
from services.notices.plan import REACTIONS, SILENT
from services.planning import FACTS

SHIPPED = {type_: cls for type_, cls in FACTS.items() if cls.__module__.startswith("services.")}
NOTICES = sorted(value for name, value in vars(model).items() if name.isupper() and isinstance(value, str))
TEMPLATES = Path(notifier.__file__).parent / "templates"
LANGUAGES = ("en", "zh")


@pytest.mark.parametrize("type_", sorted(SHIPPED))
def test_every_fact_is_told_to_somebody_or_silent_on_purpose(type_):
    """A fact has a reaction or a line in SILENT, and not both (LOSS-2)."""
    assert (SHIPPED[type_] in REACTIONS) != (SHIPPED[type_] in SILENT)


def test_reactions_and_silence_are_about_facts_only():
    """Nothing stands there that no row can hold (LOSS-2)."""
    assert REACTIONS.keys() | SILENT == set(SHIPPED.values())


@pytest.mark.parametrize("notice", NOTICES)
def test_every_notice_has_a_message(notice):
    """Each notice has one file that says what its text is given (LOSS-2)."""
    assert specs()[notice].notice == notice


@pytest.mark.parametrize("notice", NOTICES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_notice_has_a_text_in_each_language(notice, language):
    """A title line and a description, in every language that a corp may choose (LOSS-2)."""
    title, description = (TEMPLATES / language / f"{notice}.txt").read_text(encoding="utf-8").split("\n", 1)
    assert title.strip() and description.strip()


@pytest.mark.parametrize("notice", sorted(FOLDED))
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_told_together_has_a_text_for_many(notice, language):
    """A kind that may be folded says how many, in every language (POOL-7)."""
    title, description = (TEMPLATES / language / f"{notice}.folded.txt").read_text(encoding="utf-8").split("\n", 1)
    assert "count" in title and description.strip()


def test_there_are_no_texts_and_messages_without_a_notice():
    """What nobody can get is taken out (LOSS-2)."""
    assert sorted(specs()) == NOTICES
    for language in LANGUAGES:
        names = {path.name.removesuffix(".txt") for path in (TEMPLATES / language).iterdir()}
        assert names == {*NOTICES, *(f"{notice}.folded" for notice in FOLDED)}
