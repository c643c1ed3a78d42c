"""`tieout demo` on a fresh machine without network: the shape of its JSON, the right values, the report's files."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.acceptance.conftest import Demo, numbers, tied_values
from tests.support.command import Tieout
from tieout.sample import PACK

QUESTION = "How did Apple's revenue, margins and cash flow change in fiscal 2022, and how has the stock done since?"
RESULT = {
    "run_id": str,
    "status": str,
    "question": str,
    "as_of": str,
    "answer": str,
    "claims": list,
    "ledger": dict,
    "usage": dict,
    "notes": list,
    "artifacts": dict,
}
CLAIM = {"section": str, "text": str, "facts": list, "spans": list, "numbers": list}
NUMBER = {"text": str, "value": str, "unit": str, "status": str, "source": dict}
SOURCE = ("kind", "id", "document", "page", "page_label", "start", "end", "quote", "sql", "snapshot")
COUNTS = {"numbers": int, "tied": int, "open": int, "contradicted": int}
USAGE = {"calls": int, "tokens_in": int, "tokens_out": int, "cost": str}
FILES = {"markdown": "report.md", "html": "report.html", "notebook": "report.ipynb", "ledger": "ledger.json"}


def shaped(value: dict[str, Any], shape: dict[str, type]) -> None:
    """Assert that an object has exactly these keys and types."""
    assert {name: type(one) for name, one in value.items()} == shape


# ---------------------------------------------------------------- what it prints


def test_the_json_has_exactly_the_promised_shape(demo: Demo) -> None:
    result = demo.printed
    shaped(result, RESULT)
    shaped(result["ledger"], COUNTS)
    shaped(result["usage"], USAGE)
    assert (result["status"], result["question"]) == ("done", QUESTION)
    assert date.fromisoformat(result["as_of"]) == date(2024, 11, 29)
    for claim in result["claims"]:
        shaped(claim, CLAIM)
        assert all(isinstance(one, str) for one in (*claim["facts"], *claim["spans"]))
    for number in numbers(result):
        shaped(number, NUMBER)
        assert re.fullmatch(r"-?\d+(\.\d+)?", number["value"])
        assert number["status"] in {"tied", "open", "contradicted"}
        assert tuple(number["source"]) == SOURCE
        assert number["source"]["kind"] in {"fact", "span"}


def test_a_number_stands_in_its_claim_and_its_source_is_whole(demo: Demo) -> None:
    for claim in demo.printed["claims"]:
        for number in claim["numbers"]:
            assert number["text"] in claim["text"]
            source = number["source"]
            if source["kind"] == "fact":
                assert source["id"] in claim["facts"]
                assert re.match(r"(SELECT|WITH)\b", source["sql"])
                assert re.fullmatch(r"(bars|figures)@\d+(, (bars|figures)@\d+)*", source["snapshot"])
            else:
                assert source["page"] >= 1
                assert source["end"] - source["start"] == len(source["quote"]) > 0


def test_at_least_fifteen_distinct_numbers_all_tied(demo: Demo) -> None:
    counts = demo.printed["ledger"]
    assert counts["numbers"] == counts["tied"] == len(numbers(demo.printed))
    assert counts["open"] == counts["contradicted"] == 0
    assert len(tied_values(demo.printed)) >= 15


@pytest.mark.parametrize(
    "value",
    [394_328, 365_817, 170_782, 152_836, 119_437, 108_949, 99_803, 94_680, 122_151, 104_038, 10_708, 11_085],
)
def test_the_reported_values_are_the_filings(demo: Demo, value: int) -> None:
    """Apple's 10-K for 2022, in millions: statements of operations (page 32) and of cash flows (page 36)."""
    assert Decimal(value * 1_000_000) in tied_values(demo.printed)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("43.3%", 170_782 / 394_328),
        ("41.8%", 152_836 / 365_817),
        ("30.3%", 119_437 / 394_328),
        ("25.3%", 99_803 / 394_328),
        ("+7.8%", 394_328 / 365_817 - 1),
        ("+17.4%", 122_151 / 104_038 - 1),
        ("$111,443 million", 111_443e6),
        ("$92,953 million", 92_953e6),
    ],
)
def test_the_computed_values_are_right_and_rounded_right(demo: Demo, text: str, value: float) -> None:
    found = {Decimal(number["value"]) for number in numbers(demo.printed) if number["text"] == text}
    assert [float(one) for one in found] == [pytest.approx(value, rel=1e-9)]


def test_the_stock_is_measured_from_the_fiscal_years_end_and_says_so(demo: Demo) -> None:
    """The year ended on Saturday, 24 September 2022: the last close by then is that of the 23rd."""
    days = {"2022-09-23", "2024-11-29"}
    returns = {}
    for ticker, file in (("AAPL", "adj_close_1990_2024"), ("SPY", "spy_1990_2024")):
        rows = pq.read_table(PACK / "prices" / f"{file}.parquet").to_pylist()
        day = next(name for name, value in rows[0].items() if str(value)[:4] in {"1990", "1993"})
        closes = {str(row[day])[:10]: row for row in rows if str(row[day])[:10] in days}
        column = ticker if ticker in rows[0] else next(name for name in rows[0] if name != day)
        returns[ticker] = closes["2024-11-29"][column] / closes["2022-09-23"][column] - 1
    tied = [float(value) for value in tied_values(demo.printed)]
    assert returns["AAPL"] == pytest.approx(0.597, abs=5e-4)
    for value in (*returns.values(), returns["AAPL"] - returns["SPY"]):
        assert any(found == pytest.approx(value, rel=1e-9) for found in tied), value
    assert "From 23 September 2022 to 29 November 2024" in demo.printed["answer"]
    report = Path(demo.printed["artifacts"]["markdown"]).read_text(encoding="utf-8")
    assert "“since” is taken from the fiscal year's end, 24 September 2022" in report


# ---------------------------------------------------------------- its files


def test_the_artifacts_are_there_and_agree_with_what_was_printed(demo: Demo) -> None:
    artifacts = demo.printed["artifacts"]
    assert {kind: Path(path).name for kind, path in artifacts.items()} == FILES
    ledger = json.loads(Path(artifacts["ledger"]).read_text(encoding="utf-8"))
    assert ledger["run_id"] == demo.printed["run_id"]
    assert ledger["ledger"] == demo.printed["ledger"]
    assert ledger["unresolved"] == []
    markdown = Path(artifacts["markdown"]).read_text(encoding="utf-8")
    for number in numbers(demo.printed):
        assert number["text"].replace("$", r"\$") in markdown


class Page(HTMLParser):
    """What an HTML page refers to, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: set[str] = set()
        self.links: list[tuple[str, str, str]] = []
        self.policy = ""
        self.code: list[str] = []
        self.text: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self._inside = tag if tag in {"script", "style"} else ""
        assert not [name for name in given if name.startswith("on")], given
        self.ids |= {given["id"]} if "id" in given else set()
        if given.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = given["content"]
        referring = ("src", "href", "xlink:href", "srcset", "action", "formaction", "data", "poster", "style", "ping")
        self.links += [(tag, name, given[name]) for name in referring if name in given]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        (self.code if self._inside else self.text).append(data)


def test_the_html_report_asks_nobody_for_anything(demo: Demo) -> None:
    """One self-contained file: links lead inside the page, pictures are part of it, a policy forbids the rest."""
    page = Page(Path(demo.printed["artifacts"]["html"]).read_text(encoding="utf-8"))
    for tag, name, value in page.links:
        if name == "style":
            assert "url(" not in value
        elif value.startswith("#"):
            assert value[1:] in page.ids, (tag, value)
        else:
            assert (tag, value[:11]) == ("img", "data:image/"), (tag, name, value[:80])
    assert not page.tags & {"link", "iframe", "object", "embed", "base", "form", "frame", "video", "audio", "source"}
    assert "default-src 'none'" in page.policy
    code = "\n".join(page.code)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttp|WebSocket|sendBeacon|import\(|https?://", code)


def test_every_number_of_the_html_report_leads_to_its_source(demo: Demo) -> None:
    html = Path(demo.printed["artifacts"]["html"]).read_text(encoding="utf-8")
    page = Page(html)
    text = " ".join(" ".join(page.text).split())
    assert all(number["text"] in text for number in numbers(demo.printed))
    assert html.count('class="n tied"') >= len(numbers(demo.printed))
    assert "SELECT" in text
    assert "Total net sales 394,328 365,817 274,515" in text


# ---------------------------------------------------------------- no network, and once more


def test_the_demo_needs_no_network(demo: Demo) -> None:
    """It ran with every connection refused, and did not even try one."""
    assert set(demo.reached) == {"watching"}


def test_a_second_demo_reads_nothing_anew_and_gives_the_same_report(prepared: Tieout, demo: Demo) -> None:
    assert "Reading" in demo.said
    again = prepared("demo", "--json")
    assert (again.code, again.err) == (0, "")
    result = again.json
    assert result["run_id"] != demo.printed["run_id"]
    same = ("status", "question", "as_of", "answer", "claims", "ledger", "usage")
    assert {name: result[name] for name in same} == {name: demo.printed[name] for name in same}
    for kind, path in result["artifacts"].items():
        first = Path(demo.printed["artifacts"][kind]).read_bytes()
        assert Path(path).read_bytes().replace(result["run_id"].encode(), demo.printed["run_id"].encode()) == first, (
            kind
        )


def test_people_get_the_answer_its_sources_and_where_the_report_is(prepared: Tieout, demo: Demo) -> None:
    told = prepared("demo")
    assert told.code == 0
    plain = " ".join(told.out.split())
    assert demo.printed["answer"][:120] in plain
    assert f"{demo.printed['ledger']['numbers']} numbers: {demo.printed['ledger']['tied']} tied, 0 open" in plain
    assert str(prepared.home / "reports") in told.out.replace("\n", "")
    assert all(step in told.err for step in ("resolve", "fundamentals", "market", "passages", "write", "render"))
