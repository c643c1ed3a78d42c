import re
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipelines.render.markdown import render_markdown
from pipelines.render.text import code_block, code_span, markdown, markdown_block, one_line, visible
from tieout.model import Claim, Number, NumberStatus

NASTY = st.lists(
    st.sampled_from(
        ["<script>", "</script>", "<img src=x onerror=a>", "![a](http://x)", "[a](javascript:b)", "[a]: http://x", "`",
         "```", "~~~", "**", "__", "\n\n", "\n", "# ", "- ", "1. ", "> ", "|", "---", "===", "$x$", "\\", "&lt;",
         "&#60;",
         "https://x.y", "www.x.yz", "a@b.cd", "[^1]", "[^1]: x", "    code", "\t", "\u202e", "\x00", "\x1b[31m",
         "\u2028", "{{7*7}}", "{x}", "<http://x.y>", "text", "394,328", "(a)", ":", "!", "]", "[", "<!--", "-->"]
    ) | st.text(max_size=8),
    max_size=12,
).map("".join)  # fmt: skip
GFM = MarkdownIt("gfm-like", {"linkify": False, "html": True}).enable(["strikethrough", "table"])


def tokens(source):
    for token in GFM.parse(source):
        yield token
        yield from token.children or ()


def shown(source):
    return "".join(t.content for t in tokens(source) if t.type in ("text", "text_special", "code_inline"))


@given(NASTY)
def test_escaped_text_is_shown_literally_and_opens_nothing(text):
    source = markdown_block(markdown(text))
    kinds = {token.type for token in tokens(source)}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}
    assert shown(source) == one_line(text).strip()


@given(NASTY, NASTY)
def test_text_stays_literal_inside_a_longer_line_and_a_table(before, text):
    line = f"Sales {markdown(before)} and {markdown(text)} end"
    assert {token.type for token in tokens(line)} <= {
        "paragraph_open",
        "paragraph_close",
        "inline",
        "text",
        "text_special",
    }
    table = f"| a | b |\n| --- | --- |\n| {markdown(text).strip() or 'x'} | y |"
    cells = [token for token in GFM.parse(table) if token.type == "td_open"]
    assert len(cells) == 2
    assert not {"html_inline", "link_open", "image"} & {token.type for token in tokens(table)}


@given(NASTY)
def test_a_code_span_holds_any_text(text):
    source = f"quote: {code_span(text)}"
    codes = [token for token in tokens(source) if token.type == "code_inline"]
    assert len(codes) == 1
    assert codes[0].content.strip() == one_line(text).strip() or not one_line(text).strip()


@given(NASTY)
def test_a_code_block_holds_any_text_even_indented_under_a_footnote(text):
    parsed = GFM.parse("- item\n\n" + code_block(text, "sql", indent="  "))
    assert [token.type for token in parsed if token.type in ("fence", "html_block", "link_open")] == ["fence"]


@given(NASTY)
@settings(max_examples=40, deadline=None)
def test_a_report_with_hostile_text_everywhere_has_no_live_markup(helpers, case, text):
    number = Number("1", Decimal(1), "USD", NumberStatus.OPEN, None, reason=text)
    hostile = helpers.with_answer(case, Claim(text, text + " 1 " + text, numbers=(number,)))
    draft = replace(hostile.report.draft, title=text, notes=(text,))
    source = render_markdown(replace(hostile.report, draft=draft, question=text))
    found = {token.type for token in tokens(source)}
    assert not {"html_inline", "html_block", "image"} & found
    # footnotes are no CommonMark: this parser takes our own "[^n]:" for link definitions that go nowhere
    for token in tokens(source):
        if token.type == "link_open":
            assert not re.match(r"(?i)(https?|javascript|data|mailto):", str(token.attrs["href"]))


def test_a_tied_number_carries_a_footnote_with_document_page_and_quote(case):
    source = render_markdown(case.report, case.pages)
    assert "**✓ 32 of 32 numbers tied**" in source
    mark = re.search(r"\\\$394\.3 billion\[\^(\d+)\]", source)
    assert mark
    note = source.split(f"[^{mark[1]}]: ", 1)[1].split("\n\n")[0]
    assert "Form 10-K" in note
    assert "p. 29 (page 32 of the file)" in note
    assert "`Total net sales 394,328 365,817 274,515`" in note


def test_a_computed_number_carries_its_sql_parameters_and_inputs(case):
    source = render_markdown(case.report, case.pages)
    note = source.split("[^1]: ", 1)[1].split("\n[^2]: ")[0]
    assert "**Net sales growth** = 0.0779378760418461 (7.7938 %)" in note
    assert "`figures@4`" in note
    assert "```sql" in note
    assert "`$new = fig_revenue_2022`" in note
    assert note.count("Total net sales 394,328") == 2


def test_open_and_contradicted_numbers_are_marked_and_said_at_the_head(open_case):
    source = render_markdown(open_case.report, open_case.pages)
    assert "**450 billion [open]**" in source
    assert "**400,000 million [contradicted]**" in source
    assert source.split("\n")[2].startswith("> **Needs review, not for publication: 1 number has no source")
    assert "the filing says 394,328" in source


def test_every_footnote_that_is_cited_is_defined_once(open_case):
    source = render_markdown(open_case.report, open_case.pages)
    cited = set(re.findall(r"\[\^(\d+)\](?!:)", source))
    defined = re.findall(r"^\[\^(\d+)\]: ", source, re.MULTILINE)
    assert cited == set(defined)
    assert len(defined) == len(set(defined))


def test_control_characters_and_direction_overrides_are_spelled_out():
    assert visible("394\u202e328\x1b[0m\ud800") == "394[U+202E]328[U+001B][0m[U+D800]"


def test_a_link_cannot_be_made_behind_a_footnote_mark(helpers, case):
    text = "Sales were 1(javascript:alert) high"
    source = case.report.ledger.claims[0].numbers[0].source
    number = Number("1", Decimal(1), "USD", NumberStatus.TIED, source, 11, 12)
    rendered = render_markdown(helpers.with_answer(case, Claim("answer", text, numbers=(number,))).report)
    assert "](javascript" not in rendered
