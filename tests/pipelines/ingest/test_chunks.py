"""Chunks are slices that follow the page's structure."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.chunks import PROSE_LIMIT, TABLE_LIMIT, cut_pages, is_row
from pipelines.ingest.pages import RawPage

STATEMENT = """Item 8. Financial Statements
CONSOLIDATED STATEMENTS OF OPERATIONS
(In millions)
2022 2021
Net sales:
 Products $ 316,199 $ 297,392
 Services 78,129 68,425
Total net sales 394,328 365,817
Cost of sales 223,546 212,981"""
LINES = st.lists(
    st.one_of(
        st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=300),
        st.sampled_from(["ITEM 7. DISCUSSION", "Net sales 1,234 2,345", "Revenue Recognition", "- - -", "| a | b |"]),
    ),
    max_size=60,
)


@given(st.lists(LINES, max_size=3))
def test_chunks_are_ordered_slices_that_drop_nothing_but_space(pages: list[list[str]]) -> None:
    raw = [RawPage(number, "\n".join(lines)) for number, lines in enumerate(pages, 1)]
    chunks = cut_pages(raw)
    for page in raw:
        end, kept = 0, ""
        for chunk in (chunk for chunk in chunks if chunk.page == page.number):
            assert end <= chunk.start < chunk.end <= len(page.text)
            assert not page.text[end : chunk.start].strip()
            piece = page.text[chunk.start : chunk.end]
            assert piece == piece.strip() and len(piece) <= TABLE_LIMIT
            assert chunk.kind == "table" or len(piece) <= PROSE_LIMIT
            kept, end = kept + piece, chunk.end
        assert not page.text[end:].strip()


def test_a_statement_stays_whole_with_its_caption_and_headings() -> None:
    (chunk,) = cut_pages([RawPage(1, STATEMENT)])
    assert chunk.kind == "table" and STATEMENT[chunk.start : chunk.end] == STATEMENT
    assert chunk.heading == "Item 8. Financial Statements › CONSOLIDATED STATEMENTS OF OPERATIONS"


def test_headings_last_over_pages() -> None:
    chunks = cut_pages([RawPage(1, "Item 7. Discussion\n" + "Some prose. " * 60), RawPage(2, "More prose here.")])
    assert chunks[-1].heading == "Item 7. Discussion"


def test_prose_is_cut_at_sentences() -> None:
    text = "This is a sentence of the report. " * 200
    chunks = cut_pages([RawPage(1, text)])
    assert len(chunks) > 3 and all(text[chunk.end - 1] == "." for chunk in chunks)


def test_rows_are_told_from_prose() -> None:
    for row in ("Net sales $ 394,328 8 % $ 365,817", "Basic (1.25) — 3.31", "| a | 1 |", "Goodwill 1,384"):
        assert is_row(row)
    for prose in ("We opened stores in 2022", "In 2022 and 2021", "Net sales rose by 5 percent in fiscal 2022.", ""):
        assert not is_row(prose)
