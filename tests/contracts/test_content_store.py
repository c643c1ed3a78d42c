"""One suite for every ContentStore."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from store.content import SqlContentStore
from store.database import open_database
from store.memory_content import MemoryContentStore
from tieout.errors import Conflict, NeedsAnswer, NotFound
from tieout.model import Chunk, Document, Instrument, Page, Principal
from tieout.ports import ContentStore

ANN = Principal("ann", "desk")
BEN = Principal("ben", "desk")
BOB = Principal("bob", "other")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ContentStore]:
    if request.param == "memory":
        yield MemoryContentStore()
        return
    on_disk = request.param == "sqlite"
    database = open_database(
        f"sqlite:///{tmp_path / 'tieout.db'}" if on_disk else request.getfixturevalue("postgres_url")
    )
    yield SqlContentStore(database)
    database.close()


def document(name: str = "APPLE_2022_10K.pdf", **fields: object) -> Document:
    plain = Document(
        id=f"doc_{name}",
        workspace="desk",
        name=name,
        sha256=name.encode().hex().ljust(64, "0")[:64],
        media_type="application/pdf",
        size=10,
        page_count=2,
        ingested_at=datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        period_end=date(2022, 9, 24),
    )
    return replace(plain, **fields)


def content(found: Document) -> tuple[list[Page], list[Chunk]]:
    pages = [Page(found.id, 1, "Net sales – 𝒩 rose.\nMore.", "i"), Page(found.id, 2, "Cost of sales")]
    chunks = [
        Chunk(f"{found.id}-b", found.id, 2, 0, 4, "Cost", "Item 8", "table"),
        Chunk(f"{found.id}-c", found.id, 1, 12, 17, pages[0].text[12:17]),
        Chunk(f"{found.id}-a", found.id, 1, 0, 11, pages[0].text[:11]),
    ]
    return pages, chunks


def put(store: ContentStore, found: Document, *, indexed: bool = True) -> Document:
    store.put_document(ANN, found, *content(found), indexed=indexed)
    return found


def test_a_document_comes_back_as_it_was_put(store: ContentStore) -> None:
    found = put(store, document(document_title="Annual report", fiscal_year=2022, form="10-K", company="Apple Inc."))
    pages, chunks = content(found)
    assert store.get_document(ANN, found.id) == found
    assert store.list_documents(ANN) == [found]
    assert store.pages(ANN, found.id) == pages
    assert store.page(ANN, found.id, 1) == pages[0]
    assert store.chunks(ANN, found.id) == [chunks[2], chunks[1], chunks[0]]


def test_chunk_text_is_its_slice_of_the_page_beyond_the_basic_plane(store: ContentStore) -> None:
    found = put(store, document())
    for chunk in store.chunks(ANN, found.id):
        assert chunk.text == store.page(ANN, found.id, chunk.page).text[chunk.start : chunk.end]


def test_putting_the_same_id_again_replaces_everything(store: ContentStore) -> None:
    found = put(store, document())
    newer = replace(found, sha256="f" * 64, page_count=1)
    store.put_document(ANN, newer, [Page(found.id, 1, "New text")], [Chunk("c", found.id, 1, 0, 3, "New")])
    assert store.list_documents(ANN) == [newer]
    assert [page.text for page in store.pages(ANN, found.id)] == ["New text"]
    assert [chunk.id for chunk in store.chunks(ANN, found.id)] == ["c"]
    assert store.find_document(ANN, found.sha256) is None


def test_a_document_is_found_by_content_name_stem_title_and_other_case(store: ContentStore) -> None:
    found = put(store, document(document_title="Apple annual report"))
    assert store.find_document(ANN, found.sha256) == found
    assert store.find_document(ANN, "0" * 64) is None
    for reference in (found.id, found.name, "APPLE_2022_10K", "Apple annual report", "apple_2022_10k.PDF"):
        assert store.get_document(ANN, reference) == found


def test_an_unknown_document_is_not_found_and_close_names_are_told(store: ContentStore) -> None:
    put(store, document())
    with pytest.raises(NotFound, match=r"APPLE_2022_10K\.pdf"):
        store.get_document(ANN, "APPLE_2022_10Q.pdf")


def test_a_title_shared_by_two_documents_is_asked_back(store: ContentStore) -> None:
    put(store, document("a.pdf", document_title="Report"))
    put(store, document("b.pdf", document_title="Report"))
    with pytest.raises(NeedsAnswer, match=r"a\.pdf, b\.pdf"):
        store.get_document(ANN, "Report")


def test_documents_are_listed_by_name(store: ContentStore) -> None:
    for name in ("c.pdf", "a.pdf", "b.pdf"):
        put(store, document(name))
    assert [found.name for found in store.list_documents(ANN)] == ["a.pdf", "b.pdf", "c.pdf"]


def test_a_document_whose_vectors_are_missing_stays_hidden_until_marked(store: ContentStore) -> None:
    found = put(store, document(), indexed=False)
    assert store.list_documents(ANN) == []
    assert store.find_document(ANN, found.sha256) is None
    with pytest.raises(NotFound):
        store.get_document(ANN, found.id)
    assert store.unindexed(ANN) == [found]
    assert store.unindexed(BOB) == []
    assert len(store.chunks(ANN, found.id)) == 3
    store.mark_indexed(ANN, found.id)
    assert store.list_documents(ANN) == [found]
    assert store.unindexed(ANN) == []


def test_marking_an_unknown_document_is_not_found(store: ContentStore) -> None:
    with pytest.raises(NotFound):
        store.mark_indexed(ANN, "doc_none")


def test_removing_returns_the_document_and_leaves_nothing(store: ContentStore) -> None:
    found = put(store, document())
    assert store.remove_document(ANN, found.id) == found
    assert store.list_documents(ANN) == []
    assert store.pages(ANN, found.id) == []
    assert store.chunks(ANN, found.id) == []
    assert store.get_chunks(ANN, [f"{found.id}-a"]) == []
    with pytest.raises(NotFound):
        store.remove_document(ANN, found.id)


def test_chunks_and_pages_come_in_the_order_asked_for_without_those_that_are_gone(store: ContentStore) -> None:
    found = put(store, document())
    wanted = [f"{found.id}-b", "gone", f"{found.id}-a"]
    assert [chunk.id for chunk in store.get_chunks(ANN, wanted)] == [f"{found.id}-b", f"{found.id}-a"]
    places = [(found.id, 2), ("gone", 1), (found.id, 1)]
    assert [page.number for page in store.pages_at(ANN, places)] == [2, 1]
    assert [chunk.id[-1] for chunk in store.chunks_at(ANN, places)] == ["b", "a", "c"]
    assert store.pages_at(ANN, []) == [] and store.chunks_at(ANN, []) == []


def test_points_are_counted_of_each_visible_document(store: ContentStore) -> None:
    """Three chunks and the two pages that they are of; a document without text has none."""
    found = put(store, document())
    empty = document("empty.pdf")
    store.put_document(ANN, empty, [Page(empty.id, 1, "")], [])
    put(store, document("hidden.pdf"), indexed=False)
    assert store.point_counts(ANN) == {found.id: 5, empty.id: 0}
    assert store.point_counts(BOB) == {}


def test_a_missing_page_is_not_found(store: ContentStore) -> None:
    found = put(store, document())
    with pytest.raises(NotFound, match="no page 7"):
        store.page(ANN, found.id, 7)


def test_another_workspace_sees_and_changes_nothing(store: ContentStore) -> None:
    found = put(store, document())
    assert store.list_documents(BOB) == [] and store.pages(BOB, found.id) == [] and store.chunks(BOB, found.id) == []
    assert store.find_document(BOB, found.sha256) is None
    assert store.get_chunks(BOB, [f"{found.id}-a"]) == []
    assert store.chunks_at(BOB, [(found.id, 1)]) == []
    for act in (store.get_document, store.remove_document, store.mark_indexed):
        with pytest.raises(NotFound):
            act(BOB, found.id)
    with pytest.raises(Conflict):
        store.put_document(BOB, replace(found, workspace="other"), [], [])
    assert store.get_document(ANN, found.id) == found


def test_a_document_of_a_circle_is_found_by_those_who_read_there(store: ContentStore) -> None:
    put(store, document("plan.txt", audiences=("ann", "slack/T/C")))
    here, ann = replace(BEN, audience="slack/T/C"), replace(ANN, audience="ann")
    assert store.get_document(here, "plan.txt") == store.get_document(ann, "doc_plan.txt")
    assert store.get_document(here, "plan").audiences == ("ann", "slack/T/C")
    for other in (BEN, replace(BEN, audience="slack/T/D"), ANN):
        for reference in ("plan.txt", "doc_plan.txt"):
            with pytest.raises(NotFound) as refused:
                store.get_document(other, reference)
            assert "mean" not in refused.value.message
    store.set_audiences(BEN, "doc_plan.txt", ())
    assert store.get_document(BEN, "plan.txt").audiences == ()
    with pytest.raises(NotFound):
        store.set_audiences(BOB, "doc_plan.txt", ("bob",))


def test_instruments_are_kept_per_workspace_and_replaced_by_id(store: ContentStore) -> None:
    apple = Instrument("cik:1", "Apple Inc.", "AAPL", names=("Apple",), fiscal_year_end="09-30")
    store.put_instruments(ANN, [apple, Instrument("cik:2", "Other")])
    store.put_instruments(ANN, [replace(apple, name="Apple")])
    store.put_instruments(ANN, [])
    assert store.list_instruments(ANN) == [replace(apple, name="Apple"), Instrument("cik:2", "Other")]
    assert store.list_instruments(BOB) == []


def test_text_that_looks_like_sql_is_only_text(store: ContentStore) -> None:
    nasty = "'; DROP TABLE documents; --"
    found = document(name=nasty, document_title=nasty)
    store.put_document(ANN, found, [Page(found.id, 1, nasty)], [Chunk("x", found.id, 1, 0, len(nasty), nasty, nasty)])
    assert store.get_document(ANN, nasty) == found
    assert store.chunks(ANN, found.id)[0].text == nasty
