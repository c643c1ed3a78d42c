"""Keeps documents, pages, chunks and instruments in SQL: the truth that the vector index is derived from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, insert, or_, select, update

from store.content_lookup import choose_document
from store.database import Database
from store.tables_content import chunks as chunk_table
from store.tables_content import documents as document_table
from store.tables_content import instruments as instrument_table
from store.tables_content import pages as page_table
from tieout import codec
from tieout.errors import Conflict, NotFound
from tieout.model import Chunk, Document, Instrument, Page, Principal

_BATCH = 500  # values in one IN list; SQLite allows 32,766 parameters
_TEXT = func.substr(page_table.c.text, chunk_table.c.first + 1, chunk_table.c.last - chunk_table.c.first)
_FIELDS = [column.name for column in document_table.columns if column.name != "indexed"]


class SqlContentStore:
    """A ContentStore on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_document(
        self,
        principal: Principal,
        document: Document,
        pages: Sequence[Page],
        chunks: Sequence[Chunk],
        *,
        indexed: bool = True,
    ) -> None:
        """Commit a document with its pages and chunks, replacing one of the same id. Raises Conflict, StorageFull."""
        if document.workspace != principal.workspace:
            raise Conflict(f"document {document.id} belongs to another workspace")
        workspace = principal.workspace
        record = {name: getattr(document, name) for name in _FIELDS} | {"indexed": indexed}
        record["audiences"] = list(document.audiences) or None
        page_rows = [
            {
                "document_id": document.id,
                "number": page.number,
                "workspace": workspace,
                "text": page.text,
                "label": page.label,
            }
            for page in pages
        ]
        chunk_rows = [
            {
                "workspace": workspace,
                "id": chunk.id,
                "document_id": document.id,
                "page": chunk.page,
                "first": chunk.start,
                "last": chunk.end,
                "heading": chunk.heading,
                "kind": chunk.kind,
            }
            for chunk in chunks
        ]

        def work(connection: Connection) -> None:
            owner = connection.scalar(select(document_table.c.workspace).where(document_table.c.id == document.id))
            if owner not in (None, workspace):
                raise Conflict(f"document {document.id} belongs to another workspace")
            _delete(connection, workspace, document.id)
            connection.execute(insert(document_table), record)
            if page_rows:
                connection.execute(insert(page_table), page_rows)
            if chunk_rows:
                connection.execute(insert(chunk_table), chunk_rows)

        self._database.write(work)

    def mark_indexed(self, principal: Principal, document_id: str) -> None:
        """Make a document visible. Raises NotFound."""

        def work(connection: Connection) -> None:
            done = connection.execute(
                update(document_table)
                .where(document_table.c.workspace == principal.workspace, document_table.c.id == document_id)
                .values(indexed=True)
            )
            if done.rowcount == 0:
                raise NotFound(f"no document has the id {document_id!r}")

        self._database.write(work)

    def unindexed(self, principal: Principal) -> list[Document]:
        """Return the documents that are not visible yet."""
        return self._documents(principal, document_table.c.indexed.is_(False))

    def find_document(self, principal: Principal, sha256: str) -> Document | None:
        """Return the workspace's document with that content."""
        found = self._documents(principal, document_table.c.indexed.is_(True), document_table.c.sha256 == sha256)
        return found[0] if found else None

    def get_document(self, principal: Principal, reference: str) -> Document:
        """Return the document by id, name or title, of those open to the principal. Raises NotFound, NeedsAnswer."""
        direct = self._documents(principal, document_table.c.indexed.is_(True), document_table.c.id == reference)
        found = direct or self.list_documents(principal)
        return choose_document([document for document in found if document.open_to(principal)], reference)

    def set_audiences(self, principal: Principal, document_id: str, audiences: Sequence[str]) -> None:
        """Say which circles may read a document; none: all of the workspace. Raises NotFound."""

        def work(connection: Connection) -> None:
            done = connection.execute(
                update(document_table)
                .where(document_table.c.workspace == principal.workspace, document_table.c.id == document_id)
                .values(audiences=list(audiences) or None)
            )
            if done.rowcount == 0:
                raise NotFound(f"no document has the id {document_id!r}")

        self._database.write(work)

    def list_documents(self, principal: Principal) -> list[Document]:
        """Return all documents by name."""
        return self._documents(principal, document_table.c.indexed.is_(True))

    def remove_document(self, principal: Principal, document_id: str) -> Document:
        """Delete a document with its pages and chunks. Raises NotFound."""

        def work(connection: Connection) -> Document:
            row = connection.execute(
                select(document_table).where(
                    document_table.c.workspace == principal.workspace, document_table.c.id == document_id
                )
            ).one_or_none()
            if row is None:
                raise NotFound(f"no document has the id {document_id!r}")
            _delete(connection, principal.workspace, document_id)
            return _document(row)

        return self._database.write(work)

    def page(self, principal: Principal, document_id: str, number: int) -> Page:
        """Return one page. Raises NotFound."""
        found = self.pages_at(principal, [(document_id, number)])
        if not found:
            raise NotFound(f"document {document_id!r} has no page {number}")
        return found[0]

    def pages(self, principal: Principal, document_id: str) -> list[Page]:
        """Return all pages in order."""
        query = (
            select(page_table)
            .where(page_table.c.workspace == principal.workspace, page_table.c.document_id == document_id)
            .order_by(page_table.c.number)
        )
        return [_page(row) for row in self._read(query)]

    def pages_at(self, principal: Principal, places: Sequence[tuple[str, int]]) -> list[Page]:
        """Return the pages that exist, in the order asked for."""
        found: dict[tuple[str, int], Page] = {}
        for batch in _batches(places):
            query = select(page_table).where(
                page_table.c.workspace == principal.workspace,
                _places(page_table.c.document_id, page_table.c.number, batch),
            )
            found.update({(row.document_id, row.number): _page(row) for row in self._read(query)})
        return [found[place] for place in places if place in found]

    def chunks(self, principal: Principal, document_id: str) -> list[Chunk]:
        """Return all chunks in order of page and offset."""
        query = _chunk_query(principal).where(chunk_table.c.document_id == document_id)
        return [_chunk(row) for row in self._read(query.order_by(chunk_table.c.page, chunk_table.c.first))]

    def point_counts(self, principal: Principal) -> dict[str, int]:
        """Return, for each visible document, how many points it has: its chunks, and its pages that have any."""
        of_chunks = func.count(chunk_table.c.id) + func.count(chunk_table.c.page.distinct())
        query = (
            select(document_table.c.id, of_chunks.label("points"))
            .select_from(document_table.outerjoin(chunk_table, chunk_table.c.document_id == document_table.c.id))
            .where(document_table.c.workspace == principal.workspace, document_table.c.indexed.is_(True))
            .group_by(document_table.c.id)
        )
        return {row.id: int(row.points) for row in self._read(query)}

    def get_chunks(self, principal: Principal, chunk_ids: Sequence[str]) -> list[Chunk]:
        """Return the chunks that exist, in the order asked for."""
        found: dict[str, Chunk] = {}
        for batch in _batches(chunk_ids):
            found.update(
                {row.id: _chunk(row) for row in self._read(_chunk_query(principal, chunk_table.c.id.in_(batch)))}
            )
        return [found[chunk_id] for chunk_id in chunk_ids if chunk_id in found]

    def chunks_at(self, principal: Principal, places: Sequence[tuple[str, int]]) -> list[Chunk]:
        """Return the chunks of those pages, in the order asked for, then by offset."""
        found: dict[tuple[str, int], list[Chunk]] = {}
        for batch in _batches(places):
            where = _places(chunk_table.c.document_id, chunk_table.c.page, batch)
            for row in self._read(_chunk_query(principal, where).order_by(chunk_table.c.first)):
                found.setdefault((row.document_id, row.page), []).append(_chunk(row))
        return [chunk for place in places for chunk in found.get(place, ())]

    def put_instruments(self, principal: Principal, instruments: Iterable[Instrument]) -> None:
        """Add or replace the workspace's own instruments."""
        rows = {
            instrument.id: {
                "workspace": principal.workspace,
                "id": instrument.id,
                "record": codec.dump(instrument, Instrument),
            }
            for instrument in instruments
        }

        def work(connection: Connection) -> None:
            for batch in _batches(list(rows)):
                connection.execute(
                    delete(instrument_table).where(
                        instrument_table.c.workspace == principal.workspace, instrument_table.c.id.in_(batch)
                    )
                )
            connection.execute(insert(instrument_table), list(rows.values()))

        if rows:
            self._database.write(work)

    def list_instruments(self, principal: Principal) -> list[Instrument]:
        """Return the workspace's own instruments by id."""
        query = (
            select(instrument_table.c.record)
            .where(instrument_table.c.workspace == principal.workspace)
            .order_by(instrument_table.c.id)
        )
        return [codec.load(Instrument, row.record) for row in self._read(query)]

    def _read(self, query: Any) -> Sequence[Row[Any]]:
        return self._database.read(lambda connection: connection.execute(query).all())

    def _documents(self, principal: Principal, *where: ColumnElement[bool]) -> list[Document]:
        query = select(document_table).where(document_table.c.workspace == principal.workspace, *where)
        return [_document(row) for row in self._read(query.order_by(document_table.c.name, document_table.c.id))]


def _batches[T](values: Sequence[T]) -> Iterable[Sequence[T]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]


def _places(document: Any, number: Any, places: Sequence[tuple[str, int]]) -> ColumnElement[bool]:
    by_document: dict[str, list[int]] = {}
    for document_id, page in places:
        by_document.setdefault(document_id, []).append(page)
    return or_(*(and_(document == document_id, number.in_(pages)) for document_id, pages in by_document.items()))


def _chunk_query(principal: Principal, *where: ColumnElement[bool]) -> Any:
    joined = chunk_table.join(
        page_table,
        and_(page_table.c.document_id == chunk_table.c.document_id, page_table.c.number == chunk_table.c.page),
    )
    return (
        select(chunk_table, _TEXT.label("text"))
        .select_from(joined)
        .where(chunk_table.c.workspace == principal.workspace, *where)
    )


def _delete(connection: Connection, workspace: str, document_id: str) -> None:
    for table, key in (
        (chunk_table, chunk_table.c.document_id),
        (page_table, page_table.c.document_id),
        (document_table, document_table.c.id),
    ):
        connection.execute(delete(table).where(table.c.workspace == workspace, key == document_id))


def _document(row: Row[Any]) -> Document:
    return Document(**{name: getattr(row, name) for name in _FIELDS} | {"audiences": tuple(row.audiences or ())})


def _page(row: Row[Any]) -> Page:
    return Page(row.document_id, row.number, row.text, row.label)


def _chunk(row: Row[Any]) -> Chunk:
    return Chunk(row.id, row.document_id, row.page, row.first, row.last, row.text, row.heading, row.kind)
