"""Answers a query with spans: narrow to documents, rank pages, quote the best chunk of each."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from threading import Lock

from pipelines.ingest.points import place_of
from pipelines.retrieval.features import Features, read_features
from pipelines.retrieval.narrow import candidates, prior
from pipelines.retrieval.query import Query, read_query
from pipelines.retrieval.ranking import Place, best_chunk, name_coverage, rank_pages, row_coverage
from tieout.model import Chunk, Document, Hit, Instrument, Page, Principal, Span
from tieout.ports import ContentStore, Embedder, SearchFilter, VectorIndex

_DEPTH = 100  # pages of each ranking that are looked at
_KEPT_FEATURES = 100_000


class Searcher:
    """Searches one library. Safe to use from many threads."""

    def __init__(self, content: ContentStore, index: VectorIndex, embedder: Embedder) -> None:
        self._content = content
        self._index = index
        self._embedder = embedder
        self._features: OrderedDict[tuple[str, str, int], Features] = OrderedDict()
        self._lock = Lock()

    def search(
        self,
        principal: Principal,
        text: str,
        documents: Sequence[Document],
        instruments: Sequence[Instrument],
        *,
        limit: int,
        where: SearchFilter,
        resolve: bool,
    ) -> list[Hit]:
        """Return one hit a page, best first; companies that the library has take turns when several are named."""
        query = read_query(text, instruments if resolve else ())
        allowed = {found.id: found for found in documents if _allowed(found, where)}
        if not allowed:
            return []
        vector = self._embedder.embed([query.words])[0]
        rankings = []
        for group in self._groups(list(allowed.values()), query, resolve):
            narrowed = replace(where, document_ids=tuple(found.id for found in group))
            if len(group) == len(documents):
                narrowed = where
            rankings.append(self._rank(principal, query, vector, allowed, narrowed, limit))
        return _in_turn(rankings, limit)

    def learn(self, document: Document, pages: Iterable[Page]) -> None:
        """Read what a new document's pages are, so that the first question about it need not."""
        self._read(pages, {document.id: document})

    def _groups(self, documents: list[Document], query: Query, resolve: bool) -> list[list[Document]]:
        if not resolve:
            return [documents]
        held = {found.instrument_id for found in documents}
        named = [found.id for found in query.instruments if found.id in held]
        if named:
            return [found for name in named if (found := candidates(documents, query, name))]
        return [candidates(documents, query, None) or documents]

    def _rank(
        self,
        principal: Principal,
        query: Query,
        vector: object,
        documents: Mapping[str, Document],
        where: SearchFilter,
        limit: int,
    ) -> list[Hit]:
        depth = max(_DEPTH, limit)
        kinds = where.kinds or ("prose", "table")
        whole = self._index.search(principal, query.words, None, limit=depth, where=replace(where, kinds=("page",)))
        pages = {place_of(name): score for name, score in whole}
        found = self._index.search(principal, query.words, vector, limit=depth, where=replace(where, kinds=kinds))
        order = {name: rank for rank, (name, _) in enumerate(found)}
        scores = dict(found)
        chunks: dict[Place, float] = {}
        for chunk in self._content.get_chunks(principal, list(order)):
            place = (chunk.document_id, chunk.page)
            chunks[place] = max(chunks.get(place, 0.0), scores[chunk.id])
        places = [place for place in {**pages, **chunks} if place[0] in documents]
        texts = {(page.document_id, page.number): page for page in self._content.pages_at(principal, places)}
        features = self._read(texts.values(), documents)
        names = query.special
        priors = {name: prior(document, query) for name, document in documents.items()}
        ranked = rank_pages(
            {place: score for place, score in pages.items() if place in texts},
            {place: score for place, score in chunks.items() if place in texts},
            features,
            query.pages,
            priors,
            {place: name_coverage(page.text, names) for place, page in texts.items()} if names else {},
            {place: row_coverage(page.text, names) for place, page in texts.items()} if names and query.pages else {},
        )
        hits = self._quote(principal, query, ranked, texts, documents, order, kinds, limit)
        by_words, by_both = _ranks(pages), _ranks(chunks)
        return [replace(hit, why=_why(hit, query, by_words, by_both, len(documents))) for hit in hits]

    def _quote(
        self,
        principal: Principal,
        query: Query,
        ranked: Sequence[tuple[Place, float]],
        texts: Mapping[Place, Page],
        documents: Mapping[str, Document],
        order: Mapping[str, int],
        kinds: Sequence[str],
        limit: int,
    ) -> list[Hit]:
        head = ranked[: limit + 20]
        by_place: dict[Place, list[Chunk]] = {}
        for chunk in self._content.chunks_at(principal, [place for place, _ in head]):
            if chunk.kind in kinds:
                by_place.setdefault((chunk.document_id, chunk.page), []).append(chunk)
        hits: list[Hit] = []
        for place, score in head:
            if place in by_place and len(hits) < limit:
                chunk = best_chunk(by_place[place], query.words, order)
                span = make_span(documents[place[0]], texts[place], chunk.start, chunk.end)
                hits.append(Hit(span, round(score, 6), chunk.heading, chunk.kind))
        return hits

    def _read(self, pages: Iterable[Page], documents: Mapping[str, Document]) -> dict[Place, Features]:
        result: dict[Place, Features] = {}
        for page in pages:
            key = (page.document_id, documents[page.document_id].sha256, page.number)
            with self._lock:
                known = self._features.get(key)
            if known is None:
                known = read_features(page.text)
                with self._lock:
                    self._features[key] = known
                    while len(self._features) > _KEPT_FEATURES:
                        self._features.popitem(last=False)
            result[page.document_id, page.number] = known
        return result


def make_span(document: Document, page: Page, start: int, end: int) -> Span:
    """Return the quotation at [start, end) of a page. Its id is the place itself, so equal places are equal spans."""
    return Span(
        id=f"span_{document.sha256[:16]}_{page.number}_{start}_{end}",
        document_id=document.id,
        document=document.title,
        sha256=document.sha256,
        page=page.number,
        start=start,
        end=end,
        quote=page.text[start:end],
        page_label=page.label,
    )


def _allowed(document: Document, where: SearchFilter) -> bool:
    return (
        (not where.document_ids or document.id in where.document_ids)
        and (not where.instrument_ids or document.instrument_id in where.instrument_ids)
        and (not where.fiscal_years or document.fiscal_year in where.fiscal_years)
        and (not where.forms or document.form in where.forms)
    )


def _ranks(scores: Mapping[Place, float]) -> dict[Place, int]:
    return {place: rank for rank, place in enumerate(sorted(scores, key=lambda one: -scores[one]), start=1)}


def _why(
    hit: Hit, query: Query, by_words: Mapping[Place, int], by_both: Mapping[Place, int], documents: int
) -> tuple[str, ...]:
    """Return what speaks for a hit: its ranks, the words of the query that it holds, how the search was narrowed."""
    place = (hit.span.document_id, hit.span.page)
    told = []
    if place in by_words:
        told.append(f"page {by_words[place]} of {len(by_words)} by words (BM25)")
    if place in by_both:
        told.append(f"passage {by_both[place]} of {len(by_both)} by words and meaning")
    text = hit.span.quote.casefold()
    held = [word for word in dict.fromkeys(query.words.casefold().split()) if len(word) > 2 and word in text]
    if held:
        told.append(f"holds {', '.join(held)}")
    if query.instruments:
        told.append(f"narrowed to {documents} document{'s' if documents != 1 else ''} by company and period")
    return tuple(told)


def _in_turn(rankings: Sequence[Sequence[Hit]], limit: int) -> list[Hit]:
    """Take one hit of each ranking in turn, with scores that still fall down the list."""
    if len(rankings) == 1:
        return list(rankings[0][:limit])
    longest = max((len(ranking) for ranking in rankings), default=0)
    mixed = [ranking[rank] for rank in range(longest) for ranking in rankings if rank < len(ranking)][:limit]
    score = mixed[0].score if mixed else 0.0
    result = []
    for hit in mixed:
        score = min(score, hit.score)
        result.append(replace(hit, score=score))
    return result
