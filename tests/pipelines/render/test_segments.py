from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from pipelines.render.segments import paragraphs, segments
from pipelines.render.sources import gather
from pipelines.render.summary import badge, companies, key_figures, warning
from tieout.model import Claim, Number, NumberStatus


def number(text, start, end):
    return Number(text, Decimal(1), "USD", NumberStatus.OPEN, None, start, end)


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(-3, 35), st.integers(-3, 35)), max_size=6))
def test_the_pieces_joined_are_the_text_whatever_the_places(text, places):
    numbers = tuple(number(text[max(a, 0) : max(b, 0)], a, b) for a, b in places)
    assert "".join(piece.text for piece in segments(Claim("s", text, numbers=numbers))) == text


def test_a_number_without_a_place_is_found_by_its_text():
    pieces = segments(Claim("s", "Sales were 394 in all", numbers=(number("394", 0, 0),)))
    assert [piece.text for piece in pieces if piece.number] == ["394"]


def test_a_company_of_one_sentence_stays_in_the_paragraph_and_a_quote_stands_alone():
    def say(company, kind="sentence"):
        return Claim("s", "x", instrument=company, kind=kind)

    claims = (say("A"), say("B"), say("A"), say("B"), say("B"), say("B", "quote"), say("B"))
    assert [len(group) for group in paragraphs(claims)] == [3, 2, 1, 1]


def test_the_tiles_show_each_measure_once_with_its_year(case):
    tiles = key_figures(case.report, gather(case.report, case.pages))
    names = [tile.name for tile in tiles]
    assert len(names) == len(set(names)) <= 8
    assert "Net sales growth, fiscal 2022" in names
    assert "Total net sales, fiscal 2022" in names
    assert "Apple total return" in names


def test_the_head_says_how_the_numbers_stand(case, open_case):
    assert badge(case.report) == "32 of 32 numbers tied"
    assert warning(case.report) == ""
    assert "1 number has a source that says otherwise" in warning(open_case.report)
    assert companies(case.report) == ("AAPL",)


def test_spans_of_a_claim_that_its_numbers_already_cite_are_not_cited_twice(case):
    sources = gather(case.report, case.pages)
    for claim in case.report.draft.answer:
        assert sources.behind(claim) == []
    quote = next(c for c in case.report.draft.sections[0].claims if c.kind == "quote")
    assert [citation.source.id for citation in sources.behind(quote)] == ["span_services"]
