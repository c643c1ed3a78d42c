"""The library's life: ingest, again, changed, cut off, searched, removed, rebuilt."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.providers.embeddings import StaticEmbedder
from pipelines.registry.registry import CompanyRegistry
from pipelines.retrieval.features import Features, read_features
from pipelines.retrieval.library import DocumentLibrary
from store.blobs import MemoryBlobStore
from store.content import SqlContentStore
from store.database import open_database
from store.memory_content import MemoryContentStore
from store.vectors.edge import EdgeVectorIndex
from store.vectors.memory import MemoryVectorIndex
from tieout.errors import InvalidInput, NotAvailable, NotFound
from tieout.model import Document, Figure, Page, Principal
from tieout.ports import IngestOutcome, SearchFilter, VectorPoint

ANN = Principal("ann", "desk")
BOB = Principal("bob", "other")
FILINGS = Path(__file__).parents[4] / "shared" / "data" / "filings"
EMBEDDER = StaticEmbedder()


def report(year: int, revenue: str, company: str = "Zebra Widgets, Inc.", ticker: str = "ZWID") -> str:
    return f"""FORM 10-K
For the fiscal year ended March 31, {year}
{company}
(Exact name of registrant as specified in its charter)
Common Stock, $0.01 par value per share {ticker} New York Stock Exchange

# Item 1. Business
{"We make striped widgets for horses and other animals in many countries of the world. " * 8}

# Item 8. Statements
CONSOLIDATED BALANCE SHEETS
Total assets 9,999 8,888
Total revenues {revenue} 1,111
Purchases of property and equipment (321) (123)
"""


class Counting(MemoryVectorIndex):
    """Counts the points written, and can die like a killed process."""

    def __init__(self) -> None:
        super().__init__()
        self.written = 0
        self.dies = False

    def upsert(self, principal: Principal, points: Sequence[VectorPoint]) -> None:
        if self.dies:
            raise KeyboardInterrupt
        self.written += len(points)
        super().upsert(principal, points)


class Parts:
    """A library with its parts in reach."""

    def __init__(self) -> None:
        self.content = MemoryContentStore()
        self.blobs = MemoryBlobStore()
        self.index = Counting()
        self.registry = CompanyRegistry(self.content)
        self.library = self.reopened()

    def reopened(self, read: Callable[[Document, Sequence[Page]], list[Figure]] | None = None) -> DocumentLibrary:
        return DocumentLibrary(
            self.content, self.blobs, self.index, EMBEDDER, self.registry, read_figures=read, workers=0
        )


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "zebra_2023.txt").write_text(report(2023, "2,222"))
    (tmp_path / "zebra_2022.txt").write_text(report(2022, "1,111"))
    (tmp_path / "broken.pdf").write_bytes(b"nothing")
    return tmp_path


def test_a_folder_is_ingested_bad_files_refused_by_name_and_progress_told(parts: Parts, folder: Path) -> None:
    told: list[tuple[str, int, int]] = []

    def progress(outcome: IngestOutcome, done: int, total: int) -> None:
        told.append((outcome.status, done, total))

    outcomes = parts.library.ingest(ANN, [folder], progress=progress)
    assert [(one.name, one.status) for one in outcomes] == [
        ("broken.pdf", "refused"), ("zebra_2022.txt", "added"), ("zebra_2023.txt", "added")
    ]  # fmt: skip
    assert "broken" in outcomes[0].reason
    assert told == [("refused", 1, 3), ("added", 2, 3), ("added", 3, 3)]
    first = parts.library.documents(ANN)[0]
    assert (first.company, first.ticker, first.form, first.fiscal_year) == ("Zebra Widgets, Inc.", "ZWID", "10-K", 2022)
    assert parts.registry.get(ANN, "ZWID").fiscal_year_end == "03-31"
    assert parts.library.documents(BOB) == []


def test_ingesting_again_changes_nothing_and_a_copy_is_the_same_document(parts: Parts, folder: Path) -> None:
    parts.library.ingest(ANN, [folder])
    written, documents = parts.index.written, parts.library.documents(ANN)
    (folder / "copy.txt").write_bytes((folder / "zebra_2022.txt").read_bytes())
    outcomes = parts.library.ingest(ANN, [folder])
    assert [one.status for one in outcomes] == ["refused", "unchanged", "unchanged", "unchanged"]
    assert outcomes[1].reason == "has the same content as zebra_2022.txt"
    assert parts.index.written == written and parts.library.documents(ANN) == documents


def test_a_changed_file_replaces_itself_and_only_what_changed_is_embedded(parts: Parts, folder: Path) -> None:
    parts.library.ingest(ANN, [folder])
    path, before = folder / "zebra_2023.txt", parts.index.written
    old = next(one for one in parts.library.documents(ANN) if one.name == path.name)
    kept = {chunk.id for chunk in parts.content.chunks(ANN, old.id)}
    path.write_text(report(2023, "3,333"))
    (outcome,) = parts.library.ingest(ANN, [path])
    assert outcome.status == "updated" and outcome.document is not None and outcome.document.id == old.id
    now = {chunk.id for chunk in parts.content.chunks(ANN, old.id)}
    assert now & kept and parts.index.written - before == len(now - kept) + 1  # and the page
    total = sum(len(parts.content.chunks(ANN, one.id)) + one.page_count for one in parts.library.documents(ANN))
    assert parts.index.count(ANN) == total
    with pytest.raises(NotFound):
        parts.blobs.get(ANN, old.sha256)
    assert "3,333" in parts.library.search(ANN, "Zebra Widgets total revenues 2023", limit=1)[0].span.quote


def test_files_of_one_name_in_different_folders_are_documents_of_their_own(parts: Parts, tmp_path: Path) -> None:
    """In one call or in several, in any order; a file given again from its own place is an update."""

    def write(year: int, text: str) -> Path:
        path = tmp_path / "in" / str(year) / "10-K.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def names() -> dict[str, str]:
        return {one.name: parts.library.pages(ANN, one.id)[0].text for one in parts.library.documents(ANN)}

    write(2021, "the year 2021")
    write(2022, "the year 2022")
    parts.library.ingest(ANN, [tmp_path / "in"])
    write(2020, "the year 2020")
    outcomes = parts.library.ingest(ANN, [tmp_path / "in"])
    assert [(one.name, one.status, one.reason) for one in outcomes] == [
        ("10-K (3).md", "added", ""), ("10-K.md", "unchanged", ""), ("10-K (2).md", "unchanged", "")
    ]  # fmt: skip
    all_three = {"10-K.md": "the year 2021", "10-K (2).md": "the year 2022", "10-K (3).md": "the year 2020"}
    assert names() == all_three
    (outcome,) = parts.library.ingest(ANN, [write(2022, "the year 2022, amended")])
    assert (outcome.name, outcome.status) == ("10-K (2).md", "updated")
    assert names() == all_three | {"10-K (2).md": "the year 2022, amended"}
    (outcome,) = parts.library.ingest(ANN, [write(1999, "the year 2021")])
    assert (outcome.status, outcome.reason) == ("unchanged", "")
    assert len(names()) == 3


def test_a_copy_becomes_a_document_when_its_twin_changes_in_the_same_call(parts: Parts, tmp_path: Path) -> None:
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text("one content")
    parts.library.ingest(ANN, [tmp_path])
    (tmp_path / "a.md").write_text("another content")
    outcomes = parts.library.ingest(ANN, [tmp_path])
    assert [(one.name, one.status) for one in outcomes] == [("a.md", "updated"), ("b.md", "added")]
    assert {one.name for one in parts.library.documents(ANN)} == {"a.md", "b.md"}


def test_the_old_version_of_a_document_answers_until_the_new_one_is_whole(parts: Parts, folder: Path) -> None:
    parts.library.ingest(ANN, [folder])
    before = parts.library.documents(ANN)
    path = folder / "zebra_2023.txt"
    path.write_text(report(2023, "3,333"))
    parts.index.dies = True
    with pytest.raises(KeyboardInterrupt):
        parts.library.ingest(ANN, [path])
    assert parts.library.documents(ANN) == before
    assert "2,222" in parts.library.search(ANN, "Zebra Widgets total revenues 2023", limit=1)[0].span.quote
    parts.index.dies = False
    assert [one.status for one in parts.reopened().ingest(ANN, [path])] == ["updated"]
    assert parts.library.unsound(ANN) == []


@pytest.mark.parametrize("again", ["ingest", "open"])
def test_a_cut_off_ingestion_shows_nothing_and_is_finished_later(parts: Parts, folder: Path, again: str) -> None:
    parts.index.dies = True
    with pytest.raises(KeyboardInterrupt):
        parts.library.ingest(ANN, [folder])
    assert parts.content.list_documents(ANN) == []
    parts.index.dies = False
    library = parts.reopened()
    if again == "ingest":
        statuses = [one.status for one in library.ingest(ANN, [folder])]
        assert statuses == ["refused", "unchanged", "added"]
    assert library.documents(ANN)[0].name == "zebra_2022.txt"
    assert library.search(ANN, "striped widgets", limit=1)


def test_reading_waits_for_no_ingestion(parts: Parts, folder: Path) -> None:
    """While one workspace takes files in, it and another are read for the first time."""
    seen: list[tuple[int, int]] = []

    def progress(outcome: IngestOutcome, done: int, total: int) -> None:
        with ThreadPoolExecutor(2) as readers:
            own, other = readers.submit(parts.library.documents, ANN), readers.submit(parts.library.documents, BOB)
            seen.append((len(own.result(10)), len(other.result(10))))

    parts.library.ingest(ANN, [folder], progress=progress)
    assert seen == [(0, 0), (1, 0), (2, 0)]


def test_every_hit_quotes_its_page_verbatim_and_pages_come_once(parts: Parts, folder: Path) -> None:
    parts.library.ingest(ANN, [folder])
    hits = parts.library.search(ANN, "capex of Zebra Widgets", limit=5)
    assert hits and len({(hit.span.document_id, hit.span.page) for hit in hits}) == len(hits)
    assert "Purchases of property" in hits[0].span.quote
    for hit in hits:
        page = parts.library.pages(ANN, hit.span.document_id)[hit.span.page - 1]
        assert page.text[hit.span.start : hit.span.end] == hit.span.quote
        again = parts.library.span(ANN, hit.span.document_id, hit.span.page, hit.span.start, hit.span.end)
        assert again == hit.span
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_what_pages_are_is_read_when_they_come_in(parts: Parts, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts.library.ingest(ANN, [folder])
    read: list[str] = []

    def reading(text: str) -> Features:
        read.append(text)
        return read_features(text)

    monkeypatch.setattr("pipelines.retrieval.search.read_features", reading)
    assert parts.library.search(ANN, "striped widgets") and read == []
    assert parts.reopened().search(ANN, "striped widgets") and len(read) == 2


def test_the_year_in_the_question_narrows_and_filters_hold(parts: Parts, folder: Path) -> None:
    parts.library.ingest(ANN, [folder])
    (only,) = parts.library.search(ANN, "Zebra Widgets revenue in fiscal 2022")
    assert only.span.document == "zebra_2022"
    assert len(parts.library.search(ANN, "Zebra Widgets revenue in fiscal 2022", resolve=False)) == 2
    where = SearchFilter(fiscal_years=(2023,))
    assert {hit.span.document for hit in parts.library.search(ANN, "revenue", where=where)} == {"zebra_2023"}
    assert parts.library.search(ANN, "revenue", where=SearchFilter(fiscal_years=(1999,))) == []


def test_companies_compared_take_turns(parts: Parts, folder: Path) -> None:
    (folder / "acme.txt").write_text(report(2023, "5,555", "Acme Rockets, Inc.", "ACMR"))
    parts.library.ingest(ANN, [folder])
    hits = parts.library.search(ANN, "Compare Zebra Widgets and Acme Rockets revenue in 2023", limit=2)
    assert {hit.span.document for hit in hits} == {"acme", "zebra_2023"}


def test_an_empty_library_finds_nothing_and_bad_requests_say_so(parts: Parts) -> None:
    assert parts.library.search(ANN, "revenue") == []
    for query, limit in (("  ", 5), ("revenue", 0)):
        with pytest.raises(InvalidInput):
            parts.library.search(ANN, query, limit=limit)


@pytest.mark.parametrize("query", ["'; DROP TABLE documents; --", "{{7*7}}", "\x00\u202e", "((((", "*" * 5000, "日本"])
def test_any_query_is_only_words(parts: Parts, folder: Path, query: str) -> None:
    parts.library.ingest(ANN, [folder])
    parts.library.search(ANN, query)
    assert len(parts.library.documents(ANN)) == 2


def test_removing_takes_vectors_and_bytes_and_another_workspace_cannot(parts: Parts, folder: Path) -> None:
    parts.library.ingest(ANN, [folder])
    with pytest.raises(NotFound):
        parts.library.remove(BOB, "zebra_2022")
    gone = parts.library.remove(ANN, "zebra_2022")
    assert gone.id not in {hit.span.document_id for hit in parts.library.search(ANN, "widgets")}
    with pytest.raises(NotFound):
        parts.blobs.get(ANN, gone.sha256)
    parts.library.remove(ANN, "zebra_2023.txt")
    assert parts.index.count(ANN) == 0


def test_vectors_are_rebuilt_on_demand_and_when_they_were_deleted(parts: Parts, folder: Path) -> None:
    parts.library.ingest(ANN, [folder])
    before = parts.library.search(ANN, "striped widgets")
    chunks = sum(len(parts.content.chunks(ANN, one.id)) for one in parts.library.documents(ANN))
    assert parts.library.reindex(ANN) == chunks
    parts.index.clear(ANN)
    assert parts.reopened().search(ANN, "striped widgets") == before


def test_a_killed_reindex_hides_nothing_and_part_of_the_vectors_missing_are_put_right(
    parts: Parts, folder: Path
) -> None:
    parts.library.ingest(ANN, [folder])
    before = parts.library.search(ANN, "striped widgets")
    parts.index.dies = True
    with pytest.raises(KeyboardInterrupt):
        parts.library.reindex(ANN)
    parts.index.dies = False
    assert parts.library.search(ANN, "striped widgets") == before
    gone, short = parts.library.documents(ANN)
    parts.index.remove_document(ANN, gone.id)
    parts.index.remove_chunks(ANN, [parts.content.chunks(ANN, short.id)[0].id])
    stray = replace(parts.content.chunks(ANN, short.id)[0], id="stray")
    parts.index.upsert(ANN, [VectorPoint(stray, None, replace(short, id="doc_removed"))])
    assert parts.library.unsound(ANN) == sorted([gone.id, short.id, "doc_removed"])
    library = parts.reopened()
    assert library.search(ANN, "striped widgets") == before
    assert library.unsound(ANN) == []


def test_a_span_off_the_page_is_refused(parts: Parts, folder: Path) -> None:
    parts.library.ingest(ANN, [folder])
    for start, end in ((-1, 5), (5, 5), (0, 10**9)):
        with pytest.raises(InvalidInput, match="not on page"):
            parts.library.span(ANN, "zebra_2022.txt", 1, start, end)
    with pytest.raises(NotFound):
        parts.library.span(ANN, "zebra_2022.txt", 2, 0, 1)


def test_figures_are_read_once(parts: Parts, folder: Path) -> None:
    calls: list[str] = []

    def read(document: Document, pages: Sequence[Page]) -> list[Figure]:
        calls.append(f"{document.name}:{len(pages)}")
        return []

    library = parts.reopened(read)
    library.ingest(ANN, [folder])
    assert library.figures(ANN, "zebra_2022") == [] == library.figures(ANN, "zebra_2022.txt")
    assert calls == ["zebra_2022.txt:1"]
    with pytest.raises(NotAvailable):
        parts.library.figures(ANN, "zebra_2022")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentLibrary]:
    """Apple's three filings in SQLite and Qdrant Edge, read by worker processes."""
    files = [FILINGS / f"APPLE_{name}.pdf" for name in ("2021_10K", "2022_10K", "2023Q3_10Q")]
    if not all(path.exists() for path in files):
        pytest.skip("the real filings are not here")
    home = tmp_path_factory.mktemp("real")
    database = open_database(f"sqlite:///{home / 'tieout.db'}")
    content = SqlContentStore(database)
    index = EdgeVectorIndex(home / "vectors", EMBEDDER.dimensions)
    library = DocumentLibrary(content, MemoryBlobStore(), index, EMBEDDER, CompanyRegistry(content), workers=2)
    assert {one.status for one in library.ingest(ANN, files)} == {"added"}
    yield library
    index.close()
    database.close()


@pytest.mark.parametrize(
    ("question", "document", "pages"),
    [
        ("What is Apple's FY2022 capital expenditure? Use the cash flow statement.", "APPLE_2022_10K", {36}),
        ("What is Apple's quick ratio in fiscal 2021?", "APPLE_2021_10K", {34}),
        ("What was Apple's effective tax rate in 2022?", "APPLE_2022_10K", {27}),
        ("How many full-time employees did Apple have in 2022?", "APPLE_2022_10K", {7}),
        ("Apple iPhone net sales in Q3 2023", "APPLE_2023Q3_10Q", {10, 19}),
    ],
)
def test_the_right_page_of_a_real_filing_is_first(
    real: DocumentLibrary, question: str, document: str, pages: set[int]
) -> None:
    first = real.search(ANN, question, limit=3)[0].span
    assert first.document == document and first.page in pages


def test_what_is_read_in_for_a_circle_is_found_by_those_who_read_there_only(parts: Parts, tmp_path: Path) -> None:
    secret, known = tmp_path / "secret.md", tmp_path / "known.md"
    secret.write_text(report(2023, "7,777"))
    known.write_text(report(2022, "5,555"))
    own = replace(ANN, audience="ann")
    parts.library.ingest(ANN, [known])
    parts.library.ingest(own, [secret])
    assert [one.name for one in parts.library.documents(own)] == ["known.md", "secret.md"]
    assert any("7,777" in hit.span.quote for hit in parts.library.search(own, "total revenues 2023", limit=9))
    for other in (ANN, replace(ANN, audience="slack/T/C"), Principal("ben", "desk", audience="ben")):
        assert [one.name for one in parts.library.documents(other)] == ["known.md"]
        for resolve in (True, False):
            hits = parts.library.search(other, "total revenues 2023", limit=9, resolve=resolve)
            assert hits and all("7,777" not in hit.span.quote for hit in hits)
        with pytest.raises(NotFound):
            parts.library.remove(other, "secret.md")
        with pytest.raises(NotFound):
            parts.library.share(other, "secret.md")
    assert parts.library.share(own, "secret.md").audiences == ()
    assert [one.name for one in parts.library.documents(ANN)] == ["known.md", "secret.md"]


def test_a_file_that_is_read_in_twice_is_open_to_both_and_once_for_all_to_all(parts: Parts, tmp_path: Path) -> None:
    texts = [tmp_path / name / "same.md" for name in ("a", "b", "c")]
    for text in texts:
        text.parent.mkdir()
        text.write_text(report(2023, "7,777"))
    ann, ben = replace(ANN, audience="ann"), Principal("ben", "desk", audience="ben")
    parts.library.ingest(ann, texts[:1])
    assert parts.library.documents(ben) == []
    (again,) = parts.library.ingest(ben, texts[1:2])
    assert again.document is not None and again.document.audiences == ("ann", "ben")
    assert parts.library.documents(ann) == parts.library.documents(ben)
    parts.library.ingest(ANN, texts[2:])
    assert [one.audiences for one in parts.library.documents(ANN)] == [()]
    parts.library.ingest(ann, texts[:1])
    assert [one.audiences for one in parts.library.documents(ANN)] == [()]
