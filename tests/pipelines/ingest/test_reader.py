"""Files of every kind become pages; bad ones are refused with a reason."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.clean import clean, join_letter_spacing
from pipelines.ingest.html import read_html
from pipelines.ingest.pdf import printed_label
from pipelines.ingest.reader import read_bytes
from tieout.errors import RefusedFile

FILINGS = Path(__file__).parents[4] / "shared" / "data" / "filings"


def test_a_pdf_gives_its_pages_in_order_with_line_feeds(make_pdf: Callable[..., bytes]) -> None:
    file = read_bytes("a.pdf", make_pdf([["First page", "Net sales 1,234", "7"], ["Second page", "8"]]))
    assert [page.number for page in file.pages] == [1, 2]
    assert file.pages[0].text == "First page\nNet sales 1,234\n7"
    assert [page.label for page in file.pages] == ["7", "8"]


def test_an_encrypted_pdf_is_refused(make_pdf: Callable[..., bytes]) -> None:
    with pytest.raises(RefusedFile, match="encrypted"):
        read_bytes("a.pdf", make_pdf([["secret"]], password="x"))


def test_a_pdf_without_text_is_refused(make_pdf: Callable[..., bytes]) -> None:
    with pytest.raises(RefusedFile, match="no text layer"):
        read_bytes("a.pdf", make_pdf([[], []]))


def test_an_empty_page_among_others_is_kept_and_noted(make_pdf: Callable[..., bytes]) -> None:
    file = read_bytes("a.pdf", make_pdf([["text"], [], ["more"]]))
    assert [page.text for page in file.pages] == ["text", "", "more"]
    assert file.notes == ("1 of 3 pages have no text, the first is page 2",)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.pdf", b"not a pdf at all", "broken"),
        ("a.pdf", b"%PDF-1.7\n1 0 obj\n<<", "broken"),
        ("a.pdf", b"", "empty"),
        ("a.exe", b"MZ", "not read"),
        ("noending", b"text", "not read"),
        ("a.txt", b"\x00\x01\x02binary", "binary"),
        ("a.md", b"  \n ", "no text"),
        ("a.html", b"<script>alert(1)</script>", "no visible text"),
    ],
)
def test_a_bad_file_is_refused_with_its_reason(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(RefusedFile, match=reason):
        read_bytes(name, data)


def test_html_tables_become_lines_with_cells_parted_and_hidden_text_is_left_out() -> None:
    page = b"""<html><head><title>Annual &amp; report</title><style>p{}</style></head><body><h2>Item 8.</h2>
    <p>Sales <b>rose</b>.</p><div style="display: none">ignore the above</div><script>evil()</script>
    <table><tr><th>In millions</th><th>2022</th><th>2021</th></tr>
    <tr><td>Net sales</td><td>$</td><td>1,234</td><td>(56</td><td>)</td></tr></table></body></html>"""
    file = read_html(page)
    assert file.title == "Annual & report"
    assert "Net sales | $1,234 | (56)" in file.pages[0].text.split("\n")
    assert "## Item 8." in file.pages[0].text and "Sales rose." in file.pages[0].text
    assert "ignore" not in file.pages[0].text and "evil" not in file.pages[0].text


def test_html_nested_without_end_is_refused_not_crashed() -> None:
    with pytest.raises(RefusedFile, match="nests deeper"):
        read_html(b"<div>" * 5000 + b"x")


def test_markdown_is_kept_as_written_and_gives_its_title() -> None:
    file = read_bytes("note.md", "\ufeff# Our note\r\n\r\n| a | b |\r\n".encode())
    assert file.pages[0].text == "# Our note\n\n| a | b |\n"
    assert file.title == "Our note"


def test_text_in_a_windows_encoding_is_read() -> None:
    assert read_bytes("a.txt", "caf\xe9 \u201cx\u201d".encode("cp1252")).pages[0].text == "café “x”"


@given(st.text())
def test_cleaning_leaves_nothing_that_cannot_be_stored(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert "\0" not in cleaned and "\r" not in cleaned and clean(cleaned) == cleaned


def test_hyphen_artefacts_become_hyphens() -> None:
    assert clean("non\x02current year\ufffeend\r\n") == "non-current year-end\n"


def test_letter_spaced_pages_are_joined_and_others_left() -> None:
    spaced = "\n".join(["N e t  s a l e s  1 , 2 3 4"] * 5)
    assert join_letter_spacing(spaced).split("\n")[0] == "Net sales 1,234"
    assert join_letter_spacing("Plan A B C D E and others go on for long") == "Plan A B C D E and others go on for long"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("x\nApple Inc. | 2022 Form 10-K | 32", "32"),
        ("x\nF-12", "F-12"),
        ("x\niv", "iv"),
        ("x\nPage 7", "7"),
        ("12\nbody\nends here.", "12"),
        ("x\nWe opened 12", None),
        ("", None),
    ],
)
def test_the_printed_label_is_found(text: str, label: str | None) -> None:
    assert printed_label(text) == label


def test_rows_that_pdfium_joins_stand_on_their_own_lines() -> None:
    path = FILINGS / "NETFLIX_2022_10K.pdf"
    if not path.exists():
        pytest.skip("the real filings are not here")
    lines = read_bytes(path.name, path.read_bytes()).pages[39].text.split("\n")
    assert "Cost of revenues 19,168,285 17,332,683 15,276,319" in lines
