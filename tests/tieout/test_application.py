"""The use cases: who may do what, which input is good, and how runs are followed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support.desk import ADMIN, GO, MEMBER, VIEWER, memory_desk
from tieout.application import MAX_QUESTION, Application, find_document
from tieout.errors import (
    Conflict,
    InvalidInput,
    NeedsAnswer,
    NotFound,
    PermissionDenied,
    TieoutError,
    UnknownInstrument,
)
from tieout.model import Principal, Role, RunRequest, RunState, SeriesKey
from tieout.ports import ImportOptions


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Application]:
    with memory_desk(tmp_path / "reports") as opened:
        yield opened


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text("Date,AAPL,MSFT\n2020-01-02,10,20\n2020-01-03,11,21\n2020-01-06,12,22\n")
    return path


def ask(desk: Application, end: str | None = None, **fields: object) -> str:
    params = {"end": end} if end else {}
    return desk.start_run(MEMBER, RunRequest("How much?", params=params, **fields)).id  # type: ignore[arg-type]


def test_a_run_ends_done_with_its_result_and_artifacts(desk: Application, tmp_path: Path) -> None:
    run_id = ask(desk)
    assert desk.wait(MEMBER, run_id, timeout_s=30).state is RunState.DONE
    result = desk.result(MEMBER, run_id)
    assert (result["status"], result["answer"], result["artifacts"]["markdown"]) == ("done", "It is 42.", "report.md")
    assert desk.artifact_bytes(VIEWER, run_id, "report.md") == b"# Report\n"
    assert desk.export_artifacts(VIEWER, run_id) == [tmp_path / "reports" / run_id / "report.md"]
    assert [step.state for step in desk.steps(VIEWER, run_id)] == ["done"] * 4


@pytest.mark.parametrize(
    ("end", "state"),
    [
        ("needs_review", RunState.NEEDS_REVIEW),
        ("needs_answer", RunState.NEEDS_ANSWER),
        ("fail", RunState.FAILED),
    ],
)
def test_the_result_says_how_a_run_ended(desk: Application, end: str, state: RunState) -> None:
    run_id = ask(desk, end)
    assert desk.wait(MEMBER, run_id, timeout_s=30).state is state
    result = desk.result(MEMBER, run_id)
    assert result["status"] == state.value
    if end == "needs_answer":
        assert result["answer"] == "Which one do you mean?"
    if end == "fail":
        assert "this cannot be done" in result["answer"]


def test_a_follower_gets_each_event_once_in_order_and_then_the_end(desk: Application) -> None:
    run_id = ask(desk, "block")
    told = []
    follower = threading.Thread(target=lambda: told.extend(desk.follow(MEMBER, run_id)))
    follower.start()
    GO.set()
    follower.join(30)
    assert not follower.is_alive()
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    assert told[-1].kind == "run_finished"
    assert [event.seq for event in desk.follow(MEMBER, run_id, after=3)] == [event.seq for event in told[3:]]


def test_waiting_gives_up_after_its_time(desk: Application) -> None:
    run_id = ask(desk, "block")
    assert not desk.wait(MEMBER, run_id, timeout_s=0.05).state.final


def test_a_cancelled_run_is_final_and_a_failed_one_can_be_resumed(desk: Application) -> None:
    run_id = ask(desk, "block")
    assert desk.cancel(MEMBER, run_id).state is RunState.CANCELLED
    failed = ask(desk, "fail")
    desk.wait(MEMBER, failed, timeout_s=30)
    assert desk.resume(MEMBER, failed).state is not RunState.FAILED
    assert desk.wait(MEMBER, failed, timeout_s=30).state is RunState.FAILED


def test_the_same_idempotency_key_is_the_same_run_and_another_request_under_it_a_conflict(desk: Application) -> None:
    first = ask(desk, idempotency_key="k")
    assert ask(desk, idempotency_key="k") == first
    with pytest.raises(Conflict):
        desk.start_run(MEMBER, RunRequest("Something else?", idempotency_key="k"))


def test_a_run_of_another_workspace_is_not_found(desk: Application) -> None:
    run_id = ask(desk)
    stranger = Principal("eve", "elsewhere", Role.ADMIN)
    with pytest.raises(NotFound):
        desk.result(stranger, run_id)
    assert desk.runs(stranger) == []


def test_viewers_only_read_and_members_do_not_remove(desk: Application, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("Revenue rose.")
    refused = [
        lambda: desk.start_run(VIEWER, RunRequest("How much?")),
        lambda: desk.ingest(VIEWER, [note]),
        lambda: desk.reindex(VIEWER),
        lambda: desk.import_bars(VIEWER, note),
        lambda: desk.preview_bars(VIEWER, note),
        lambda: desk.check(VIEWER, "It was 42.", documents=[note]),
        lambda: desk.cancel(VIEWER, "run_1"),
        lambda: desk.resume(VIEWER, "run_1"),
        lambda: desk.remove_document(MEMBER, "note.txt"),
    ]
    for act in refused:
        with pytest.raises(PermissionDenied):
            act()
    desk.ingest(MEMBER, [note])
    assert desk.remove_document(ADMIN, "note").name == "note.txt"


@pytest.mark.parametrize("question", ["", "  \n", "a" * (MAX_QUESTION + 1), "what\x00ever", "caf\udce9"])
def test_a_question_that_cannot_be_answered_makes_no_run(desk: Application, question: str) -> None:
    with pytest.raises(InvalidInput):
        desk.start_run(MEMBER, RunRequest(question))
    assert desk.runs(MEMBER) == []


def test_an_unknown_ticker_or_agent_makes_no_run(desk: Application) -> None:
    with pytest.raises(UnknownInstrument):
        desk.start_run(MEMBER, RunRequest("How much?", tickers=("QQXZ",)))
    with pytest.raises(NotFound, match="research"):
        desk.start_run(MEMBER, RunRequest("How much?", agent="oracle"))
    assert desk.runs(MEMBER) == []


def test_tickers_are_resolved_once_each(desk: Application) -> None:
    run = desk.start_run(MEMBER, RunRequest("How much?", tickers=("aapl", "AAPL", "Apple Inc.")))
    assert run.request.tickers == ("AAPL",)


def test_a_ticker_with_prices_needs_no_entry_in_the_registry(desk: Application, tmp_path: Path) -> None:
    path = tmp_path / "zzz.csv"
    path.write_text("Date,Close\n2020-01-02,10\n2020-01-03,11\n")
    desk.import_bars(MEMBER, path, ImportOptions(ticker="ZZQX", adjustment="none"))
    assert desk.start_run(MEMBER, RunRequest("How much?", tickers=("zzqx",))).request.tickers == ("ZZQX",)


def test_an_as_of_before_the_first_bar_names_that_day(desk: Application, prices: Path) -> None:
    desk.import_bars(MEMBER, prices, ImportOptions(adjustment="none"))
    with pytest.raises(InvalidInput, match="2020-01-02"):
        desk.start_run(MEMBER, RunRequest("How did the stock do?", tickers=("AAPL",), as_of=date(2019, 12, 31)))
    with pytest.raises(InvalidInput, match="2020-01-02"):
        desk.start_run(MEMBER, RunRequest("What was the return?", as_of=date(1980, 1, 1)))
    with pytest.raises(InvalidInput, match="future"):
        desk.start_run(MEMBER, RunRequest("How much?", as_of=date.today() + timedelta(days=3)))  # noqa: DTZ011
    assert desk.start_run(MEMBER, RunRequest("How much?", tickers=("AAPL",), as_of=date(2020, 1, 2)))


@pytest.mark.parametrize("question", ["What was revenue?", "What were earnings per share?", "Return on equity?"])
def test_a_question_without_prices_may_be_of_a_day_before_the_first_bar(
    desk: Application, prices: Path, question: str
) -> None:
    desk.import_bars(MEMBER, prices, ImportOptions(adjustment="none"))
    assert desk.start_run(MEMBER, RunRequest(question, tickers=("AAPL",), as_of=date(2019, 12, 31)))


def test_a_preview_writes_nothing(desk: Application, prices: Path) -> None:
    assert desk.preview_bars(MEMBER, prices, ImportOptions(adjustment="none")).new == 6
    assert desk.series(VIEWER) == []
    desk.import_bars(MEMBER, prices, ImportOptions(adjustment="none"))
    assert [series.key.ticker for series in desk.series(VIEWER, "aapl")] == ["AAPL"]
    assert desk.bars(VIEWER, SeriesKey("AAPL", "prices", "none"), start=date(2020, 1, 3)).num_rows == 2


def test_a_path_that_is_no_file_or_folder_is_refused_before_anything_is_read(desk: Application, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for paths in ([tmp_path / "missing.pdf"], [tmp_path / "empty"], [Path("/dev/null")]):
        with pytest.raises(InvalidInput):
            desk.ingest(MEMBER, paths)


def test_search_is_narrowed_to_a_named_document(desk: Application, tmp_path: Path) -> None:
    for name in ("first.txt", "second.txt"):
        (tmp_path / name).write_text("Revenue rose.")
    desk.ingest(MEMBER, [tmp_path / "first.txt", tmp_path / "second.txt"])
    assert len(desk.search(VIEWER, "revenue")) == 2
    assert [hit.span.document for hit in desk.search(VIEWER, "revenue", document="second")] == ["second"]
    with pytest.raises(NotFound, match=r"second\.txt"):
        desk.search(VIEWER, "revenue", document="secnd.txt")
    for limit in (0, -1, 10_000):
        with pytest.raises(InvalidInput):
            desk.search(VIEWER, "revenue", limit=limit)


def test_an_ambiguous_document_is_asked_back(desk: Application, tmp_path: Path) -> None:
    for name in ("note.txt", "note.md"):
        (tmp_path / name).write_text("Revenue rose.")
    desk.ingest(MEMBER, [tmp_path / "note.txt", tmp_path / "note.md"])
    with pytest.raises(NeedsAnswer, match=r"note\.md"):
        find_document(desk.documents(MEMBER), "note")


def test_a_check_resolves_its_tickers_and_refuses_an_empty_text(desk: Application) -> None:
    checked = desk.check(VIEWER, "It was 42 then", tickers=["apple inc."])
    assert (checked["ledger"]["open"], checked["tickers"]) == (1, ["AAPL"])
    for text, tickers in ((" ", []), ("It was 42", ["QQXZ"]), ("It was 42", ["\udce9"]), ("42 \udce9", [])):
        with pytest.raises(TieoutError):
            desk.check(VIEWER, text, tickers=tickers)


def test_exporting_leaves_no_half_written_file(desk: Application, tmp_path: Path) -> None:
    run_id = ask(desk)
    desk.wait(MEMBER, run_id, timeout_s=30)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(TieoutError, match="Cannot write"):
        desk.export_artifacts(MEMBER, run_id, blocked / "sub")
    folder = tmp_path / "out"
    desk.export_artifacts(MEMBER, run_id, folder)
    desk.export_artifacts(MEMBER, run_id, folder)
    assert [path.name for path in folder.iterdir()] == ["report.md"]
