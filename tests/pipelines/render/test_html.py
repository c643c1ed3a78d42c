import base64
import hashlib
import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from pipelines.render.html import render_html
from tieout.model import Claim, Number, NumberStatus, Source, Span

NASTY = st.lists(
    st.sampled_from(["<script>alert(1)</script>", "</style>", "</script>", "<!--", "-->", '"', "'", ">", "<", "&",
                     "&lt;",
                     "<img src=x onerror=alert(1)>", "<svg onload=a>", "{{ 7*7 }}", "{% raw %}",
                     "javascript:a", "\u202e", "]]>", "<a href='javascript:b'>", "</pre>", "</title>", "`",
                     "\n"])
    | st.text(max_size=6),
    min_size=1,
    max_size=8,
).map("".join)  # fmt: skip


class Reader(HTMLParser):
    """Collects tags, attributes and the text between them."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.attributes, self.words, self.ids = [], [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]

    handle_startendtag = handle_starttag

    def handle_data(self, data):
        self.words.append(data)


def page(case, pictures=None):
    return render_html(case.report, case.rows, case.pages, pictures)


def test_the_file_asks_for_nothing_outside_itself(case):
    reader = Reader(page(case))
    for tag, name, value in reader.attributes:
        if name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
            assert value.startswith(("#", "data:image/png;base64,")), (tag, name, value)
        assert not name.startswith("on")
        assert name != "style"
    assert "link" not in reader.tags
    assert "@import" not in page(case)
    assert "url(http" not in page(case)


def test_the_policy_allows_only_the_files_own_style_and_script(case):
    source = page(case)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', source)[1]
    for tag in ("style", "script"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_each_number_links_to_a_source_that_is_there(open_case):
    tree = LexborHTMLParser(page(open_case))
    ids = {node.attributes["id"] for node in tree.css("[id]")}
    links = tree.css("a.n")
    assert len(links) >= open_case.report.ledger.counts.numbers
    for link in links:
        assert link.attributes["href"][1:] in ids, link.html
    assert len(ids) == len(tree.css("[id]")), "ids are unique"


def test_the_source_of_a_quoted_number_shows_page_lines_and_mark(case):
    tree = LexborHTMLParser(page(case))
    link = next(a for a in tree.css("a.n") if a.text() == "$394.3 billion")
    source = tree.css_first(link.attributes["href"])
    mark = source.css_first(f'mark[data-mark="{link.attributes["data-mark"]}"]')
    assert mark.text() == "394,328"
    text = source.text()
    assert "p. 29 (page 32 of the file)" in text
    assert "Cost of sales:" in text, "the lines around the quotation"
    assert "Year ended September, 2022" in text


def test_a_rounded_number_and_an_outflow_are_marked_in_their_cells(helpers, case):
    """394.3 billion is not the filing's 394,328 million, and a payment of 10.7 billion stands there as (10,708)."""
    spans = {span.quote.split(" ")[0]: span for span in case.report.ledger.spans}
    text = "Sales were 394.3 billion and 10.7 billion was spent."
    numbers = []
    for printed, value, span in (("394.3", "394.3e9", spans["Total"]), ("10.7", "10.7e9", spans["Payments"])):
        source = Source("span", span.id, span.document, span.page, span.page_label, span.start, span.end, span.quote)
        at = text.index(printed)
        numbers.append(Number(printed, Decimal(value), "USD", NumberStatus.TIED, source, at, at + len(printed)))
    claim = Claim("answer", text, numbers=tuple(numbers))
    tree = LexborHTMLParser(page(helpers.with_answer(helpers.without_charts(case), claim)))
    for printed, cell in (("394.3", "394,328"), ("10.7", "(10,708)")):
        link = next(a for a in tree.css(".answer a.n") if a.text() == printed)
        source = tree.css_first(link.attributes["href"])
        assert source.css_first(f'mark[data-mark="{link.attributes["data-mark"]}"]').text() == cell


def test_the_source_of_a_computed_number_shows_value_method_sql_and_inputs(case):
    tree = LexborHTMLParser(page(case))
    link = next(a for a in tree.css("a.n") if a.text() == "7.8 %")
    source = tree.css_first(link.attributes["href"])
    text = source.text()
    for part in ("0.0779378760418461", "minus 1", "figures@4", "29 November 2024", "$old", "fig_revenue_2021"):
        assert part in text
    assert [mark.text() for mark in source.css("mark")] == ["394,328", "365,817"]


def test_open_numbers_stand_out_in_words_and_are_listed_with_their_reason(open_case):
    tree = LexborHTMLParser(page(open_case))
    assert tree.css_first("a.n.open").text() == "450 billion [open]"
    assert tree.css_first("a.n.contradicted").text() == "400,000 million [contradicted]"
    assert "32 of 34 numbers tied" in tree.css_first(".badge").text()
    assert "not for publication" in tree.css_first(".alert").text()
    assert "no source gives this number" in tree.css_first("#unresolved").text()


def test_the_page_is_marked_up_for_screen_readers(case):
    tree = LexborHTMLParser(page(case))
    assert tree.css_first("html").attributes["lang"] == "en"
    assert len(tree.css("h1")) == 1
    assert tree.css_first("main") is not None
    assert all("scope" in cell.attributes for cell in tree.css("th"))
    for image in tree.css("figure svg"):
        assert image.attributes["role"] == "img"
        assert len(image.attributes["aria-label"]) > 60
    assert all(image.attributes.get("alt") for image in tree.css("img"))


def test_the_same_report_gives_the_same_bytes(helpers, case):
    again = helpers.build()
    assert page(again) == page(case)


def test_pictures_of_pages_are_inside_the_file(case):
    picture = b"\x89PNG\r\n\x1a\nabc"
    span = case.report.ledger.spans[0]
    source = page(case, {span.id: picture})
    assert base64.b64encode(picture).decode() in source


@given(NASTY)
@settings(max_examples=25, deadline=None)
def test_no_text_can_open_a_tag_or_an_attribute(helpers, case, text):
    """Text from outside changes only text: the tags and the attribute names stay those of the harmless report."""

    def hostile(words):
        span = Span("span_x", "doc_x", words, "cd" * 32, 1, 0, len(words), words, words)
        source = Source("span", "span_x", words, 1, words, 0, len(words), words)
        numbers = (
            Number("7919.3", Decimal("7919.3"), "USD", NumberStatus.TIED, source, 0, 6),
            Number("8", Decimal(8), words, NumberStatus.OPEN, None, 7, 8, reason=words),
        )
        made = helpers.with_answer(
            helpers.without_charts(case),
            Claim(words, f"7919.3 8 {words}", spans=("span_x",), numbers=numbers, instrument=words),
        )
        report = made.report
        fact = replace(report.ledger.facts[0], name=words, method=words, parameters={"new": words, "old": words})
        ledger = replace(report.ledger, spans=(*report.ledger.spans, span), facts=(fact, *report.ledger.facts[1:]))
        draft = replace(report.draft, title=words, notes=(words,))
        return Reader(page(made.of(replace(report, question=words, draft=draft, ledger=ledger))))

    plain, found = hostile("x"), hostile("x" + text)
    assert found.tags == plain.tags
    assert [(t, n) for t, n, _ in found.attributes] == [(t, n) for t, n, _ in plain.attributes]
