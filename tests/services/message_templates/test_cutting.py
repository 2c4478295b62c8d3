"""Cutting: within the size, between what readers see as characters, never inside markup."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.message_templates.cutting import clusters, cut, cut_markup, size_in_bytes

FAMILY, FLAG, WAVE = "👩‍👩‍👧", "🇨🇳", "👋🏽"
PIECES = st.sampled_from(["a", "陈", "e\u0301", FAMILY, FLAG, WAVE, "&amp;", "&lt;", "<br>", "😀", "\u200d", "\n"])
BLOCKS = st.lists(
    st.tuples(st.sampled_from(["gray", "normal", "highlight"]), st.lists(PIECES, max_size=12)), max_size=5
)


@pytest.mark.parametrize("text", [FAMILY * 3, FLAG * 3, WAVE * 3, "e\u0301" * 3, "陈" * 3])
def test_what_a_reader_sees_as_one_character_is_one(text):
    """Joined emoji, flags, skin tones and marks stay whole (CUS-1)."""
    assert list(clusters(text)) == [text[: len(text) // 3]] * 3


def test_flags_are_pairs():
    """Four regional letters are two flags."""
    assert list(clusters("🇨🇳🇯🇵")) == ["🇨🇳", "🇯🇵"]


@given(st.lists(PIECES, max_size=40).map("".join), st.integers(0, 60), st.sampled_from([len, size_in_bytes]))
def test_a_cut_text_fits_and_is_a_beginning_of_whole_characters(text, most, size):
    """In code points or in bytes; what fits is left as it is (OUT-1)."""
    found = cut(text, most, size=size)
    assert size(found) <= most or text == found == ""
    if size(text) <= most:
        assert found == text
    elif found:
        kept, seen = found.removesuffix("…"), ""
        beginnings = [seen := seen + one for one in clusters(text)]
        assert kept in ["", *beginnings]


@given(BLOCKS, st.integers(30, 200), st.sampled_from([len, size_in_bytes]))
def test_cut_markup_fits_and_stays_well_formed(blocks, most, size):
    """Tags and entities stay whole, what is open is closed (LOSS-2)."""
    text = "".join(f'<div class="{kind}">{"".join(pieces)}</div>' for kind, pieces in blocks)
    found = cut_markup(text, most, size=size)
    assert size(found) <= most
    ElementTree.fromstring(f"<card>{found}</card>".replace("<br>", "<br/>"))
    if size(text) <= most:
        assert found == text
