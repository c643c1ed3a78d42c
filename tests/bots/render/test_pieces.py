"""Text is cut where a reader would cut it."""

from hypothesis import given
from hypothesis import strategies as st

from bots.render.blocks import Span
from bots.render.pieces import pieces, split, units

_TEXTS = st.text(st.sampled_from("ab .\n👩\u200d\U0001f3fd\U0001f1e9é\u0301"), max_size=200)


@given(_TEXTS, st.integers(2, 30))
def test_pieces_fit_and_joined_they_are_the_text(text: str, most: int) -> None:
    cut = list(pieces(text, most))
    assert "".join(cut) == text
    assert all(0 < units(piece) <= most for piece in cut)


def test_a_line_is_a_better_border_than_a_sentence_and_that_than_a_word() -> None:
    assert list(pieces("one two\nthree. four", 15)) == ["one two\n", "three. four"]
    assert list(pieces("One two. Three four", 15)) == ["One two. ", "Three four"]
    assert list(pieces("one two three four", 15)) == ["one two three ", "four"]


def test_what_is_one_character_to_a_reader_stays_whole() -> None:
    family = "👩\u200d👩\u200d👧"
    assert list(pieces("aaaa" + family, 10)) == ["aaaa", family]
    assert list(pieces("a🇩🇪🇫🇷", 8)) == ["a🇩🇪", "🇫🇷"]
    assert list(pieces("aaae\u0301", 4)) == ["aaa", "e\u0301"]


def test_an_address_stays_whole() -> None:
    spans = [Span("see "), Span("https://example.org/a/b", address=True), Span(" there")]
    cut = list(split(spans, 24, lambda some: sum(units(one.text) for one in some)))
    assert [[one.text for one in piece] for piece in cut] == [["see "], ["https://example.org/a/b", " "], ["there"]]


@given(st.lists(_TEXTS, max_size=5), st.integers(4, 40))
def test_styled_pieces_joined_are_the_text(texts: list[str], most: int) -> None:
    spans = [Span(text, bold=at % 2 == 0) for at, text in enumerate(texts)]
    cut = list(split(spans, most, lambda some: sum(units(one.text) for one in some)))
    assert "".join(one.text for piece in cut for one in piece) == "".join(texts)
