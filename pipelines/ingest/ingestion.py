"""Brings files into the library: read, recognise, commit, index, and only then show.

A kill at any point leaves either nothing of a file or a hidden document, whose points the next call writes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pipelines.ingest.files import FoundFile, find_files, unused_name
from pipelines.ingest.identity import Identity, identify
from pipelines.ingest.parsed import ParsedFile
from pipelines.ingest.points import make_chunks, page_point_id, write_points
from pipelines.ingest.pool import ReaderPool
from pipelines.registry.registry import CompanyRegistry
from tieout.errors import RefusedFile
from tieout.model import Document, Page, Principal
from tieout.ports import BlobStore, ContentStore, Embedder, IngestOutcome, VectorIndex

Progress = Callable[[IngestOutcome, int, int], None]


@dataclass(frozen=True)
class _Job:
    """A file on its way: its bytes and hash; a `twin` of a known document has no bytes here, a refused file neither."""

    file: FoundFile
    sha256: str = ""
    data: bytes = b""
    twin: bool = False
    refusal: RefusedFile | None = None


@dataclass(frozen=True)
class Ingestion:
    """The parts that ingestion works with. `workers` processes read files; 0 reads them in this process."""

    content: ContentStore
    blobs: BlobStore
    index: VectorIndex
    embedder: Embedder
    registry: CompanyRegistry
    workers: int

    def run(self, principal: Principal, paths: Sequence[Path], progress: Progress | None = None) -> list[IngestOutcome]:
        """Ingest files and folders; return what became of each, in the order found. Raises InvalidInput."""
        files = find_files(paths)
        self.repair(principal)
        outcomes: list[IngestOutcome] = []
        for outcome in self._outcomes(principal, files):
            outcomes.append(outcome)
            if progress is not None:
                progress(outcome, len(outcomes), len(files))
        self._mend(principal)  # what another process wrote at the same time
        return outcomes

    def repair(self, principal: Principal) -> int:
        """Finish what was cut off: show hidden documents with their points, and put unsound ones right.

        Returns the number of documents that were touched.
        """
        hidden = self.content.unindexed(principal)
        for document in hidden:
            self.index.remove_document(principal, document.id)
            self._index(principal, document)
            self.content.mark_indexed(principal, document.id)
        return len(hidden) + self._mend(principal)

    def _mend(self, principal: Principal) -> int:
        wrong = self.unsound(principal)
        if not wrong:
            return 0
        documents = {document.id: document for document in self.content.list_documents(principal)}
        for document_id in wrong:
            self.index.remove_document(principal, document_id)
            if document_id in documents:
                self._index(principal, documents[document_id])
        return len(wrong)

    def unsound(self, principal: Principal) -> list[str]:
        """Return the ids of documents of which the index has more or fewer points than SQL calls for."""
        wanted, held = self.content.point_counts(principal), self.index.point_counts(principal)
        coming = {document.id for document in self.content.unindexed(principal)}
        names = (wanted.keys() | held.keys()) - coming
        return sorted(name for name in names if wanted.get(name, 0) != held.get(name, 0))

    def rebuild(self, principal: Principal) -> int:
        """Write all points of the workspace anew, each over its old one, so that searches go on meanwhile.

        Returns the number of chunks. When it is killed, every document still has its points, old or new.
        """
        total = sum(self._index(principal, document) for document in self.content.list_documents(principal))
        self.repair(principal)
        return total

    def _index(self, principal: Principal, document: Document) -> int:
        chunks = self.content.chunks(principal, document.id)
        pages = self.content.pages(principal, document.id)
        write_points(principal, self.index, self.embedder, document, pages, chunks)
        return len(chunks)

    def _outcomes(self, principal: Principal, files: Sequence[FoundFile]) -> Iterator[IngestOutcome]:
        known = {document.sha256: document for document in self.content.list_documents(principal)}
        with ReaderPool(min(self.workers, len(files))) as pool:
            unread = ((job, job.file.own_name, job.data) for job in _jobs(files, known))
            for job, parsed in pool.read_all(_needing(unread)):
                if job.refusal is not None:
                    parsed = job.refusal
                elif (same := known.get(job.sha256)) is not None:  # perhaps its twin came earlier in this call
                    known[job.sha256] = self._widened(principal, same)
                    yield _unchanged(principal, job.file, known[job.sha256])
                    continue
                elif job.twin:  # the document with this content was updated since: this file is now the only one
                    job, parsed = _read_again(job.file, pool)
                if isinstance(parsed, RefusedFile):
                    yield IngestOutcome(job.file.own_name, "refused", reason=parsed.message)
                    continue
                outcome, replaced = self._keep(principal, job, parsed)
                if replaced is not None:
                    known.pop(replaced.sha256, None)
                if outcome.document is not None:
                    known[job.sha256] = outcome.document
                yield outcome

    def _keep(self, principal: Principal, job: _Job, parsed: ParsedFile) -> tuple[IngestOutcome, Document | None]:
        """Bring one file in; return its outcome and the document that it replaced, as that was."""
        document_id = document_id_of(principal, job.file.path)
        documents = self.content.list_documents(principal)
        before = next((one for one in documents if one.id == document_id), None)
        name = before.name if before else unused_name(job.file.own_name, {one.name for one in documents})
        identity = identify(job.file.own_name, parsed.cover, self.registry.lookup(principal))
        document = _document(principal, document_id, name, job, parsed, identity)
        document = replace(document, audiences=_audiences(principal, before))
        pages = [Page(document_id, page.number, page.text, page.label) for page in parsed.file.pages]
        chunks = make_chunks(document_id, pages, parsed.chunks)
        old = self._points(principal, before) if before is not None else {}
        keep = _payload(before) == _payload(document) if before is not None else False
        new = {chunk.id for chunk in chunks}
        texts = {page_point_id(document_id, page.number): page.text for page in pages}
        right = {key for key, text in old.items() if keep and (key in new or (key in texts and texts[key] == text))}

        self.blobs.put(principal, job.data)
        if identity.fresh and identity.instrument is not None:
            self.registry.add(principal, [identity.instrument])
        if before is None:
            self.content.put_document(principal, document, pages, chunks, indexed=False)
            self.index.remove_document(principal, document_id)
            write_points(principal, self.index, self.embedder, document, pages, chunks)
            self.content.mark_indexed(principal, document_id)
        else:  # the old version answers until the new one takes its place whole; searches skip what SQL does not have
            write_points(principal, self.index, self.embedder, document, pages, chunks, known=right)
            self.content.put_document(principal, document, pages, chunks)
            full = {page_point_id(document_id, chunk.page) for chunk in chunks}
            self.index.remove_chunks(principal, [key for key in old if key not in new and key not in full])
            if before.sha256 != document.sha256:
                self.drop_blob(principal, before.sha256)
        notes = "; ".join(parsed.file.notes)
        return IngestOutcome(name, "added" if before is None else "updated", document, notes), before

    def _widened(self, principal: Principal, document: Document) -> Document:
        """Open a document also to those for whom its file was read in once more."""
        audiences = _audiences(principal, document)
        if audiences != document.audiences:
            self.content.set_audiences(principal, document.id, audiences)
        return replace(document, audiences=audiences)

    def drop_blob(self, principal: Principal, sha256: str) -> None:
        """Remove a file's bytes unless another document still has them."""
        if self.content.find_document(principal, sha256) is None:
            self.blobs.delete(principal, sha256)

    def _points(self, principal: Principal, document: Document) -> dict[str, str]:
        """Return the ids of a document's points with the texts behind them."""
        points = {chunk.id: chunk.text for chunk in self.content.chunks(principal, document.id)}
        pages = self.content.pages(principal, document.id)
        return points | {page_point_id(document.id, page.number): page.text for page in pages}


def document_id_of(principal: Principal, path: Path) -> str:
    """Return the id of the document that the file at `path` is in a workspace; the path itself is not kept."""
    place = os.path.normpath(path.absolute())
    return "doc_" + hashlib.sha256(f"{principal.workspace}\0{place}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _jobs(files: Sequence[FoundFile], known: Mapping[str, Document]) -> Iterator[_Job]:
    for file in files:
        try:
            data = file.read()
        except RefusedFile as refusal:
            yield _Job(file, refusal=refusal)
            continue
        sha256 = hashlib.sha256(data).hexdigest()
        yield _Job(file, sha256, twin=True) if sha256 in known else _Job(file, sha256, data)


def _read_again(file: FoundFile, pool: ReaderPool) -> tuple[_Job, ParsedFile | RefusedFile]:
    try:
        data = file.read()
    except RefusedFile as refusal:
        return _Job(file, refusal=refusal), refusal
    return _Job(file, hashlib.sha256(data).hexdigest(), data), pool.read(file.own_name, data)


def _needing(jobs: Iterator[tuple[_Job, str, bytes]]) -> Iterator[tuple[_Job, str, bytes]]:
    """Give jobs that need no reading a short text to read, so that all stay in one order."""
    for job, name, data in jobs:
        yield (job, "settled.txt", b".") if job.refusal is not None or job.twin else (job, name, data)


def _unchanged(principal: Principal, file: FoundFile, same: Document) -> IngestOutcome:
    if same.id == document_id_of(principal, file.path):
        return IngestOutcome(same.name, "unchanged", same)
    reason = "" if same.name == file.own_name else f"has the same content as {same.name}"
    return IngestOutcome(file.own_name, "unchanged", same, reason)


def _document(
    principal: Principal, document_id: str, name: str, job: _Job, parsed: ParsedFile, identity: Identity
) -> Document:
    instrument = identity.instrument
    document = Document(
        id=document_id,
        workspace=principal.workspace,
        name=name,
        sha256=job.sha256,
        media_type=parsed.file.media_type,
        size=len(job.data),
        page_count=len(parsed.file.pages),
        ingested_at=datetime.now(UTC),
        # What a PDF declares as its title is mostly a filing agent's job number.
        document_title=None if parsed.file.media_type == "application/pdf" else (parsed.file.title or "")[:200] or None,
        form=identity.form,
        fiscal_year=identity.fiscal_year,
        fiscal_quarter=identity.fiscal_quarter,
        period_end=identity.period_end,
        filed_on=identity.filed_on,
    )
    if instrument is None:
        return document
    return replace(document, instrument_id=instrument.id, company=instrument.name, ticker=instrument.ticker)


def _audiences(principal: Principal, before: Document | None) -> tuple[str, ...]:
    """Return who may read a file's document: the principal's audience, and those who could before."""
    if not principal.audience or (before is not None and not before.audiences):
        return ()
    return tuple(dict.fromkeys((*(before.audiences if before else ()), principal.audience)))


def _payload(document: Document) -> tuple[object, ...]:
    return document.instrument_id, document.company, document.ticker, document.form, document.fiscal_year
