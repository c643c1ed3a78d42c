"""Markdown into claims: sentences, items, cells, with their context."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.ledger.draft import parse_markdown
from pipelines.ledger.sentences import split_sentences


def texts(source: str) -> list[str]:
    return [p.claim.text for p in parse_markdown(source)]


def test_sentences_survive_abbreviations_and_decimals() -> None:
    text = "Apple Inc. sold $1.5 billion in the U.S. market vs. 2.0 in No. 3. It grew. iPhone sales rose."
    assert [text[s:e] for s, e in split_sentences(text)] == [
        "Apple Inc. sold $1.5 billion in the U.S. market vs. 2.0 in No. 3.",
        "It grew.",
        "iPhone sales rose.",
    ]


def test_items_cells_and_headings_are_claims_with_context() -> None:
    passages = parse_markdown(
        "# Apple\n\n## Fiscal 2022\n- Revenue: $1\n- Income: $2\n\n| (in millions) | 2022 |\n|---|---|\n| Net sales | 394,328 |\n"
    )
    cell = passages[-1]
    assert (cell.claim.text, cell.row, cell.column, cell.claim.kind) == ("394,328", "Net sales", "2022", "cell")
    assert "in millions" in cell.caption
    assert cell.headings == ("Apple", "Fiscal 2022")
    assert [p.claim.text for p in passages[2:4]] == ["Revenue: $1", "Income: $2"]


def test_code_and_comments_are_left_out() -> None:
    assert texts("a\n\n```\n5 million\n```\n<!-- 7 -->\nb") == ["a", "b"]


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=300))
def test_any_text_parses_and_claims_are_verbatim(text: str) -> None:
    for passage in parse_markdown(text):
        assert passage.claim.text.strip()
