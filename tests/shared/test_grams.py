"""Pieces of names: what is searched by part is found, whatever its width and case."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.grams import LONGEST_TEXT, fold, pieces_of, pieces_sought

texts = st.text(alphabet=st.sampled_from("新品 abＡｂＣ①ﬁß👗\u3000"), max_size=12)


@settings(max_examples=150, derandomize=True)
@given(before=texts, query=texts, after=texts)
def test_a_text_that_holds_the_query_has_all_its_pieces(before: str, query: str, after: str):
    """One or two Chinese characters are enough (GRP-4)."""
    whole = before + query + after
    if fold(query) in fold(whole):  # characters may combine with their neighbours
        assert set(pieces_sought(query)) <= set(pieces_of(whole))


def test_width_case_and_blanks_are_no_difference():
    """NFKC and casefold, twice is as good as once (GRP-4)."""
    assert fold("ＶＩＰ　 群①") == fold(" vip 群1") == "vip 群1"
    assert fold(fold("Straße ﬁ")) == fold("STRASSE fi")
    assert pieces_of("新品群") == sorted(["新", "新品", "新品群", "品", "品群", "群"])
    assert pieces_sought("新品首发") == sorted(["品首发", "新品首"])
    assert pieces_sought("品") == ["品"] and pieces_sought(" \u3000") == []


def test_a_long_text_has_few_pieces():
    """Bounded, whatever is sent."""
    assert len(pieces_of("".join(chr(0x4E00 + n) for n in range(5000)))) <= 3 * LONGEST_TEXT
