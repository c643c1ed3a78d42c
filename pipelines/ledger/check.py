"""Ties out a text that somebody else wrote, against files, the library's documents and the lake's prices."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.ingest.files import find_files
from pipelines.ingest.identity import identify
from pipelines.ingest.pool import read_apart
from pipelines.ingest.recognise import read_cover
from pipelines.ledger.draft import parse_markdown
from pipelines.ledger.figures import read_figures
from pipelines.ledger.match_book import SourceBook
from pipelines.ledger.tie_out import TieOut
from tieout.errors import NeedsAnswer, RefusedFile, TieoutError
from tieout.model import Document, Figure, Instrument, Ledger, Number, Page, Principal
from tieout.ports import Lake, Library, Registry


class DraftChecker:
    """A `Checker`: builds a book of sources for each text and ties the text out against it."""

    def __init__(self, library: Library, registry: Registry, lake: Lake | None = None) -> None:
        self.library, self.registry, self.lake = library, registry, lake

    def check(
        self, principal: Principal, text: str, *, documents: Sequence[Path] = (), tickers: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Return `ledger` (counts) and `numbers`, each with its claim, status, source and reason.

        `documents` are files that need not be in the library and are not added to it; `tickers` choose library
        documents and allow prices. With neither, the companies that the text names choose library documents.
        Raises RefusedFile for a file that cannot be read, UnknownInstrument for a ticker that is not known.
        """
        ledger = self.ledger(principal, text, documents=documents, tickers=tickers)
        return as_result(ledger)

    def ledger(
        self, principal: Principal, text: str, *, documents: Sequence[Path] = (), tickers: Sequence[str] = ()
    ) -> Ledger:
        """Return the ledger of a text; what `check` renders."""
        book = self._book(principal, text, documents, tickers)
        prices = None
        if self.lake is not None and (tickers or not documents):
            from pipelines.ledger.check_prices import Prices

            prices = Prices(self.lake, self.registry, principal, text, tickers, alone=not book.documents)
        worker = TieOut(book, own=False, prices=prices)
        return worker.ledger([worker.claim(passage) for passage in parse_markdown(text)])

    # ------------------------------------------------------------ the sources

    def _book(self, principal: Principal, text: str, paths: Sequence[Path], tickers: Sequence[str]) -> SourceBook:
        found: list[Document] = []
        pages: dict[str, Sequence[Page]] = {}
        figures: dict[str, Sequence[Figure]] = {}
        instruments: dict[str, Instrument] = {}
        for file in find_files(paths) if paths else ():
            document, texts, instrument = self._read(principal, file.name, file.read())
            if document.id in pages:
                continue
            figures[document.id] = read_figures(document, texts)
            dated = _dated(document, figures[document.id])
            if dated.period_end != document.period_end:  # with a calendar its columns say more
                figures[document.id] = read_figures(dated, texts)
            document = dated
            found.append(document)
            pages[document.id] = texts
            if instrument is not None:
                instruments[instrument.id] = instrument
        wanted = [self.registry.get(principal, ticker) for ticker in tickers]
        if not paths and not tickers:
            wanted = self.registry.mentioned(principal, text)
        hashes = {document.sha256 for document in found}
        if wanted:
            keys = {one.id for one in wanted} | {one.ticker for one in wanted if one.ticker}
            for document in self.library.documents(principal):
                if document.sha256 in hashes or not {document.instrument_id, document.ticker} & keys:
                    continue
                found.append(document)
                pages[document.id] = self.library.pages(principal, document.id)
                figures[document.id] = self.library.figures(principal, document.id)
            instruments |= {one.id: one for one in wanted}
        return SourceBook(
            found, pages, figures, tuple(instruments.values()),
            mentioned=lambda part: self.registry.mentioned(principal, part),
        )  # fmt: skip

    def _read(self, principal: Principal, name: str, data: bytes) -> tuple[Document, list[Page], Instrument | None]:
        try:
            raw = read_apart(name, data)
        except RefusedFile as error:
            raise RefusedFile(f"{name}: {error.message}", file=name) from error
        identity = identify(name, read_cover(raw.pages), _Companies(self.registry, principal))
        digest = hashlib.sha256(data).hexdigest()
        company = identity.instrument
        document = Document(
            id=f"doc_{digest[:26]}", workspace=principal.workspace, name=name, sha256=digest, media_type=raw.media_type,
            size=len(data), page_count=len(raw.pages), ingested_at=datetime.now(UTC), document_title=None,
            instrument_id=company.id if company else None, company=company.name if company else None,
            ticker=company.ticker if company else None, form=identity.form, fiscal_year=identity.fiscal_year,
            fiscal_quarter=identity.fiscal_quarter, period_end=identity.period_end, filed_on=identity.filed_on,
        )  # fmt: skip
        return document, [Page(document.id, p.number, p.text, p.label) for p in raw.pages], company


def _dated(document: Document, figures: Sequence[Figure]) -> Document:
    """Return the document with the newest fiscal year or quarter of its figures, when its text names none itself."""
    ends = [f.period.end for f in figures if f.period and f.period.end]
    if document.fiscal_year is None and ends and any((e.month, e.day) == (12, 31) for e in ends):
        last = max(ends)  # its tables show the last day of December: the calendar year is its fiscal year
        quarter = last.month // 3 if last.month in (3, 6, 9) else None
        return replace(document, fiscal_year=last.year, fiscal_quarter=quarter, period_end=last)
    years = [f.period.fiscal_year for f in figures if f.period and f.period.kind == "year" and f.period.fiscal_year]
    if document.fiscal_year is not None or not years:
        return document
    return replace(document, fiscal_year=max(years))


class _Companies:
    """What `identify` asks, answered by a Registry."""

    def __init__(self, registry: Registry, principal: Principal) -> None:
        self.registry, self.principal = registry, principal

    def exact(self, reference: str) -> list[Instrument]:
        """Return the instrument of a name or ticker, none when unknown or ambiguous."""
        try:
            return [self.registry.get(self.principal, reference)]
        except (TieoutError, NeedsAnswer):
            return []

    def squashed(self, text: str) -> Instrument | None:
        """Return the instrument that a file name's word means."""
        lookup = getattr(self.registry, "lookup", None)
        if lookup is not None:
            found: Instrument | None = lookup(self.principal).squashed(text)
            return found
        return next(iter(self.exact(text)), None)

    def mentioned(self, text: str) -> list[Instrument]:
        """Return the instruments that a text names."""
        return self.registry.mentioned(self.principal, text)


def as_result(ledger: Ledger) -> dict[str, Any]:
    """Return the JSON object of a checked text: `ledger` counts and `numbers` in order."""
    counts = ledger.counts
    return {
        "ledger": {
            "numbers": counts.numbers, "tied": counts.tied, "open": counts.open, "contradicted": counts.contradicted,
        },
        "numbers": [_number(claim.text, number) for claim in ledger.claims for number in claim.numbers],
    }  # fmt: skip


def _number(claim: str, number: Number) -> dict[str, Any]:
    source = number.source
    return {
        "text": number.text, "value": f"{number.value:f}", "unit": number.unit, "status": number.status.value,
        "claim": claim, "reason": number.reason,
        "source": None if source is None else {
            "kind": source.kind, "id": source.id, "document": source.document, "page": source.page,
            "page_label": source.page_label, "start": source.start, "end": source.end, "quote": source.quote,
            "sql": source.sql, "snapshot": source.snapshot,
        },
    }  # fmt: skip
