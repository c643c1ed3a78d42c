"""What a report's numbers rest on, over HTTP: down to the rows that give the value again, and corrections with reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import httpx
import pytest

from tests.support.service import TOKEN, Service, running
from tieout.bootstrap import open_desk
from tieout.client import HttpDesk
from tieout.client.http import principal_headers
from tieout.errors import InvalidInput, NotFound, PermissionDenied
from tieout.model import Correction, NumberStatus, Principal, Role, Run, RunRequest, WorkerKind
from tieout.ports import BarFilter, ScreenFilter
from tieout.sample import load_sample_pack
from tieout.settings import read_settings
from tieout.use_cases.ledgers import numbers_of

ADA = Principal("ada", "default", Role.ADMIN)
VIEWER = Principal("vera", "default", Role.VIEWER)
STRANGER = Principal("eve", "elsewhere", Role.ADMIN)
QUESTION = "How did Apple's revenue and margins change in fiscal 2022, and how has the stock done since?"


@dataclass
class Site:
    service: Service
    desk: HttpDesk
    run: Run


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = read_settings(home=Path(tmp_path_factory.mktemp("ledgers")))
    with open_desk(settings, work=True, kind=WorkerKind.SERVICE) as desk:
        load_sample_pack(desk, ADA, tell=lambda _: None)
        run = desk.wait(ADA, desk.start_run(ADA, RunRequest(QUESTION)).id, timeout_s=120)
        with running(desk) as service, HttpDesk(service.url, TOKEN) as client:
            yield Site(service, client, run)


def get(site: Site, path: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {TOKEN}", **principal_headers(ADA)}
    return httpx.get(site.service.url + path, headers=headers, timeout=30)


def test_the_rows_of_each_fact_give_its_value_again(site: Site) -> None:
    ledger = site.desk.ledger(ADA, site.run.id)
    assert len(ledger["facts"]) > 20
    for one in ledger["facts"]:
        fact = site.desk.fact(ADA, site.run.id, one["id"])
        with duckdb.connect() as connection:
            for name, rows in site.desk.fact_rows(ADA, site.run.id, fact.id).items():
                connection.register(name, rows)
            (again,) = connection.execute(fact.sql, dict(fact.parameters)).fetchone() or (None,)
        assert again is not None
        assert abs(Decimal(str(again)) - fact.value) <= abs(fact.value) * Decimal("1e-12")


def test_what_is_not_in_the_ledger_is_not_found(site: Site) -> None:
    with pytest.raises(NotFound, match="no fact 'f_none'"):
        site.desk.fact(ADA, site.run.id, "f_none")
    asked = site.desk.start_run(ADA, RunRequest("What was Apple's revenue in fiscal 2022?", agent="ask"))
    site.desk.wait(ADA, asked.id, timeout_s=60)
    with pytest.raises(NotFound, match="no ledger"):
        site.desk.ledger(ADA, asked.id)
    with pytest.raises(NotFound):
        site.desk.ledger(STRANGER, site.run.id)


def test_a_correction_is_kept_with_who_when_and_why_and_the_last_counts(site: Site) -> None:
    fact = site.desk.ledger(ADA, site.run.id)["facts"][0]["id"]
    first = site.desk.correct(ADA, site.run.id, Correction(2, NumberStatus.CONTRADICTED, " It is net, not gross "))
    assert (first.number, first.reason, first.by) == (2, "It is net, not gross", "ada")
    assert first.at is not None
    second = site.desk.correct(ADA, site.run.id, Correction(2, NumberStatus.TIED, "It is this one", fact))
    assert site.desk.corrections(ADA, site.run.id) == [first, second]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (Correction(1, NumberStatus.OPEN, "  "), InvalidInput),
        (Correction(100_000, NumberStatus.OPEN, "why"), InvalidInput),
        (Correction(1, NumberStatus.TIED, "why"), InvalidInput),
        (Correction(1, NumberStatus.OPEN, "why", "f_1"), InvalidInput),
        (Correction(1, NumberStatus.TIED, "why", "f_none"), NotFound),
        (Correction(1, NumberStatus.OPEN, "x" * 2_001), InvalidInput),
        (Correction(1, NumberStatus.OPEN, "😀" * 1_000), InvalidInput),  # twelve characters of JSON each
    ],
)
def test_a_correction_that_says_nothing_or_points_nowhere_is_refused(
    site: Site, wrong: Correction, error: type[Exception]
) -> None:
    before = site.desk.corrections(ADA, site.run.id)
    with pytest.raises(error):
        site.desk.correct(ADA, site.run.id, wrong)
    assert site.desk.corrections(ADA, site.run.id) == before


def test_pages_pieces_and_the_file_of_a_document_are_given_and_its_pages_drawn(site: Site) -> None:
    quoted = next(n for _, n in numbers_of(site.desk.ledger(ADA, site.run.id)) if n["source"]["kind"] == "span")
    (document,) = [one for one in site.desk.documents(ADA) if one.title == quoted["source"]["document"]]
    page = site.desk.pages(ADA, document.id)[quoted["source"]["page"] - 1]
    assert page.text[quoted["source"]["start"] : quoted["source"]["end"]] == quoted["source"]["quote"]
    assert all(
        one.text in site.desk.pages(ADA, document.id)[one.page - 1].text for one in site.desk.chunks(ADA, document.id)
    )
    assert site.desk.original(ADA, document.id).startswith(b"%PDF")
    plain = get(site, f"/api/v1/documents/{document.id}/pages/{page.number}/picture")
    span = f"start={quoted['source']['start']}&end={quoted['source']['end']}"
    marked = get(site, f"/api/v1/documents/{document.id}/pages/{page.number}/picture?{span}")
    assert plain.content.startswith(b"\x89PNG")
    assert marked.content.startswith(b"\x89PNG")
    assert plain.content != marked.content
    assert get(site, f"/api/v1/documents/{document.id}/pages/999/picture").status_code == 404


def test_bars_and_series_of_the_whole_lake_come_as_arrow_or_json(site: Site) -> None:
    rows, count = site.desk.find_bars(ADA, BarFilter(("AAPL",), adjustment="splits"), limit=5, offset=2)
    assert rows.num_rows == 5
    assert count > 3_000
    assert rows["day"].to_pylist() == sorted(rows["day"].to_pylist(), reverse=True)
    found = site.desk.screen(ADA, ScreenFilter(least_return=0.5, most_drawdown=-0.95), limit=3)
    assert found.num_rows == 3
    assert min(found["total_return"].to_pylist()) >= 0.5
    told = get(site, "/api/v1/market/rows?tickers=SPY&limit=2")
    assert [row["ticker"] for row in told.json()] == ["SPY", "SPY"]
    assert int(told.headers["X-Total-Count"]) > 2
    with pytest.raises(InvalidInput, match="no column"):
        site.desk.find_bars(ADA, BarFilter(sort="close; DROP TABLE bars"))


def test_measures_are_facts_with_their_sql(site: Site) -> None:
    (found,) = site.desk.measure(ADA, "aapl", ["max_drawdown"])
    assert found.snapshot.startswith("bars@")
    assert found.value < 0
    assert len(site.desk.measure(ADA, "AAPL")) > 10
    with pytest.raises(InvalidInput, match="no price measure"):
        site.desk.measure(ADA, "AAPL", ["magic"])


def test_usage_states_and_the_trail_are_told_to_whom_they_are_for(site: Site) -> None:
    assert {line.name for line in site.desk.usage(ADA, by="agent")} >= {"research"}
    with pytest.raises(InvalidInput):
        site.desk.usage(ADA, by="colour")
    assert site.desk.states(ADA)["done"] >= 1
    assert site.desk.depths(ADA).steps["dead"] == 0
    assert site.desk.deeds(ADA)[0].kind in ("run_submitted", "signal_arrived")
    for look in (site.desk.deeds, site.desk.depths):
        with pytest.raises(PermissionDenied):
            look(VIEWER)
