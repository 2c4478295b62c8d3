"""A corp's own texts: what they may hold, what is refused where and why, and that nothing is run."""

import pytest

from services.message_templates.model import ALWAYS, LANGUAGES, Text, TextRefusedError, sample_words
from services.message_templates.shipped import known_words, shipped
from services.message_templates.writing import check, write, write_checked

KNOWN = ("customer", *ALWAYS)
GOOD = Text(
    "Lost: {{ customer }}",
    '<div class="gray">{{ at }}</div>{% if above %}{{ associate }}{% elif not customer %}-{% else %}you{% endif %}<br>',
)


def problems(title: str = "t", description: str = "d") -> list[tuple[str, str]]:
    with pytest.raises(TextRefusedError) as refused:
        check(Text(title, description), KNOWN, language="en")
    return list(refused.value.problems)


def test_a_good_text_is_taken_and_written():
    """Words and questions whether there is one; those above read their own words (LOSS-2)."""
    check(GOOD, KNOWN, language="en")
    words = {"customer": "<Chen>", "associate": "Li & Na", "owner": "", "at": "10:00", "above": True}
    written = write_checked(GOOD, words)
    assert written.title == "Lost: <Chen>"
    assert written.description == '<div class="gray">10:00</div>Li &amp; Na<br>'
    assert write_checked(GOOD, words | {"above": False}).description.endswith("you<br>")


@pytest.mark.parametrize(
    ("description", "why"),
    [
        ("{{ custmer }}", "there is no word custmer"),
        ("{{ customer.name }}", "only {{ name }}"),
        ("{{ customer['a'] }}", "only {{ name }}"),
        ("{{ customer() }}", "only {{ name }}"),
        ("{{ customer|upper }}", "only {{ name }}"),
        ("{{ customer + at }}", "only {{ name }}"),
        ("{{ 7 }}", "only {{ name }}"),
        ("{{ ''.__class__.__mro__ }}", "only {{ name }}"),
        ("{% for c in customer %}{{ c }}{% endfor %}", "only {{ name }}"),
        ("{% set x = 1 %}", "only {{ name }}"),
        ("{% include 'x' %}", "only {{ name }}"),
        ("{% import 'x' as y %}", "only {{ name }}"),
        ("{% if customer == 'x' %}a{% endif %}", "only {{ name }}"),
        ("{% if customer.x %}a{% endif %}", "only {{ name }}"),
        ("{% macro m() %}a{% endmacro %}", "only {{ name }}"),
        ("{{ customer", "line 1: "),
        ("{% if above %}a", "line 1: "),
        ("<b>{{ customer }}</b>", "only <br> and"),
        ('<div style="x">a</div>', "only <br> and"),
        ('<div class="red">a</div>', "only <br> and"),
        ("<div>a", "not well formed"),
        ("a & b", "not well formed"),
        ("{% if above %}<div>{% endif %}a</div>", "not well formed"),
        ("{% if above %}a{% endif %}", "would be empty"),
        ("x" * 513, "has 513 characters with sample words, 512 fit"),
        ("x" * 5000, "has 5000 characters, 4000 are allowed"),
        ("".join(f"{{% if {one} %}}a{{% endif %}}" for one in ("customer", *ALWAYS, "x")), "there is no word x"),
    ],
)
def test_a_description_that_cannot_be_is_refused_with_the_reason(description, why):
    """Only words and questions: no calls, no attributes, no other markup, in every case that can be (LOSS-2)."""
    found = problems(description=description)
    assert {name for name, _ in found} == {"description"}
    assert any(why in one for _, one in found), found


@pytest.mark.parametrize(
    ("title", "why"),
    [
        ("{{ nobody }}", "there is no word"),
        ("a\nb", "one line"),
        ("{% if above %}a{% endif %}", "would be empty"),
        ("x" * 129, "128 fit"),
    ],
)
def test_a_title_likewise(title, why):
    """One line of 128 characters that is never empty (LOSS-2)."""
    ((name, found),) = problems(title=title)
    assert name == "title" and why in found


def test_a_text_that_lost_a_word_is_refused_when_it_is_written():
    """What was right when it was saved is tried again when it is sent (LOSS-2)."""
    with pytest.raises(TextRefusedError):
        write_checked(Text("{{ gone }}", "d"), {"customer": "c", "above": False})


@pytest.mark.parametrize("name", sorted(shipped()))
@pytest.mark.parametrize("above", [False, True])
def test_every_shipped_text_can_be_written_with_samples(name, above):
    """A preview of any kind shows something, in both languages, for both readers (LOSS-2)."""
    words = sample_words(known_words(name.notice, folded=name.folded), name.language, above=above)
    written = write(shipped()[name], words)
    assert written.title and written.description
    assert name.language in LANGUAGES
