"""Numbers a report's sources in reading order and gathers, for each, everything a reader wants to see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from pipelines.render.segments import draft_claims
from pipelines.render.text import page_text
from tieout.model import Claim, Fact, Figure, Number, NumberStatus, Page, Report, Source, Span

_CONTEXT_LINES = 2
_ROUNDING = Decimal("0.006")  # of the value: what two printed digits leave open
Key = tuple[object, ...]


@dataclass(frozen=True)
class Quote:
    """A quotation with the lines of the page around it.

    `parts` are (text, mark) pairs: a mark counts the numbers of the quotation from 0, None is other text.
    `cells` says for a mark which table cell it is; `marks` gives the mark of each number that cites it.
    """

    document: str
    where: str
    parts: tuple[tuple[str, int | None], ...]
    before: str = ""
    after: str = ""
    cells: Mapping[int, str] = field(default_factory=dict)
    marks: Mapping[tuple[str, Decimal], int] = field(default_factory=dict)
    picture: bytes | None = None  # PNG of the place on the page

    @property
    def text(self) -> str:
        """The quotation as it stands on the page."""
        return "".join(text for text, _ in self.parts)


@dataclass(frozen=True)
class Citation:
    """A numbered source. `fact` is set for a computed number; `quotes` are the words or inputs it rests on."""

    ref: int
    source: Source
    numbers: tuple[Number, ...]
    quotes: tuple[Quote, ...]
    fact: Fact | None = None

    def mark(self, number: Number) -> int | None:
        """Return which mark of the quotation is the number."""
        return next((q.marks[key] for q in self.quotes if (key := (number.text, number.value)) in q.marks), None)

    @property
    def anchor(self) -> str:
        """The fragment that a number links to."""
        return f"source-{self.ref}"

    @property
    def title(self) -> str:
        """What a reader calls the source."""
        if self.fact is not None:
            return self.fact.name
        return self.source.document or (self.quotes[0].document if self.quotes else self.source.id)


@dataclass(frozen=True)
class OpenNumber:
    """A number without a source, or against its source, with the reason."""

    ref: int
    number: Number
    section: str
    claim: str

    @property
    def anchor(self) -> str:
        """The fragment that the number links to."""
        return f"open-{self.ref}"


@dataclass(frozen=True)
class Sources:
    """All citations and open numbers of a report, in reading order."""

    citations: tuple[Citation, ...]
    open: tuple[OpenNumber, ...]
    by_key: Mapping[Key, Citation] = field(default_factory=dict)
    spans: Mapping[str, Span] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()

    def of(self, number: Number) -> Citation | None:
        """Return the citation of a number."""
        return self.by_key.get(_key(number.source)) if number.source else None

    def behind(self, claim: Claim) -> list[Citation]:
        """Return the passages that a claim rests on beside those that its numbers cite."""
        spans = _beside_numbers(claim, self.spans, self.facts)
        found = [self.by_key.get(_key(span_source(span))) for span in spans]
        return [citation for citation in found if citation is not None]

    def figure_of(self, number: Number) -> Figure | None:
        """Return the reported figure that a number quotes."""
        span = self.spans.get(number.source.id) if number.source else None
        return _nearest([figure for figure in self.figures if span and _inside(figure, span)], number)

    def open_ref(self, number: Number) -> OpenNumber | None:
        """Return the entry of an open or contradicted number."""
        return next((entry for entry in self.open if entry.number is number), None)


def gather(report: Report, pages: Iterable[Page] = (), pictures: Mapping[str, bytes] | None = None) -> Sources:
    """Return the report's sources; `pages` give context lines, `pictures` PNG by span or figure id."""
    spans = {span.id: span for span in report.ledger.spans}
    facts = {fact.id: fact for fact in report.ledger.facts}
    places: dict[Key, tuple[Source, list[Number]]] = {}
    pending: list[OpenNumber] = []
    for claim in draft_claims(report.draft):
        for number in claim.numbers:
            if number.source is not None:
                places.setdefault(_key(number.source), (number.source, []))[1].append(number)
            if number.status is not NumberStatus.TIED:
                pending.append(OpenNumber(len(pending) + 1, number, claim.section, claim.text))
        for span in _beside_numbers(claim, spans, facts):
            source = span_source(span)
            places.setdefault(_key(source), (source, []))
    desk = _Desk(report, pages, pictures or {})
    cited = {key: desk.cite(ref, *place) for ref, (key, place) in enumerate(places.items(), start=1)}
    return Sources(tuple(cited.values()), tuple(pending), cited, spans, facts, report.figures)


def _beside_numbers(claim: Claim, spans: Mapping[str, Span], facts: Mapping[str, Fact]) -> list[Span]:
    """Return the claim's spans that its numbers do not lead to: neither cited by one nor input of a fact of it."""
    if claim.kind == "cell":
        return []
    sources = [number.source for number in claim.numbers if number.source]
    shown = {source.id for source in sources}
    for id_ in shown | set(claim.facts):
        shown |= set(facts[id_].spans) if id_ in facts else set()
    beside = [spans[id_] for id_ in dict.fromkeys(claim.spans) if id_ in spans and id_ not in shown]
    return [span for span in beside if not any(_overlap(span, source, spans.get(source.id)) for source in sources)]


def _overlap(span: Span, source: Source, cited: Span | None) -> bool:
    """Return whether a source stands in the span's own words, under another id."""
    same_document = cited.document_id == span.document_id if cited else source.document == span.document
    if not same_document or source.page != span.page or source.start is None or source.end is None:
        return False
    return source.start < span.end and span.start < source.end


def span_source(span: Span) -> Source:
    """Return the source that a whole span is."""
    return Source(
        "span", span.id, span.document, span.page, span.page_label, span.start, span.end, span.quote
    )  # fmt: skip


def _inside(figure: Figure, span: Span) -> bool:
    same_page = (figure.document_id, figure.page) == (span.document_id, span.page)
    return same_page and span.start <= figure.start and figure.end <= span.end


def _key(source: Source) -> Key:
    if source.kind == "fact":
        return ("fact", source.id)
    return (source.kind, source.id, source.page, source.start, source.end)


class _Desk:
    """Looks things up while citations are written."""

    def __init__(self, report: Report, pages: Iterable[Page], pictures: Mapping[str, bytes]) -> None:
        self.facts = {fact.id: fact for fact in report.ledger.facts}
        self.spans = {span.id: span for span in report.ledger.spans}
        self.figures = {figure.id: figure for figure in report.figures}
        self.pages = {(page.document_id, page.number): page for page in pages}
        self.titles = {span.document_id: span.document for span in report.ledger.spans}
        self.labels = {(span.document_id, span.page): span.page_label for span in report.ledger.spans}
        self.pictures = pictures

    def cite(self, ref: int, source: Source, cited: list[Number]) -> Citation:
        numbers = tuple(cited)
        fact = self.facts.get(source.id) if source.kind == "fact" else None
        if fact is None:
            return Citation(ref, source, numbers, self._span_quotes(source, numbers))
        return Citation(ref, source, numbers, self._inputs(fact), fact)

    def _span_quotes(self, source: Source, numbers: tuple[Number, ...]) -> tuple[Quote, ...]:
        span = self.spans.get(source.id)
        text = source.quote or (span.quote if span else "")
        if not text:
            return ()
        document_id = span.document_id if span else ""
        number = source.page if source.page is not None else (span.page if span else None)
        start = source.start if source.start is not None else (span.start if span else 0)
        page = self.pages.get((document_id, number or 0))
        start, before, after = _context(page, text, start)
        cells = [f for f in self.figures.values() if f.document_id == document_id and f.page == number]
        found = {(n.text, n.value): place for n in numbers if (place := _mark(text, start, n, cells))}
        order = _apart(found.values())
        labels = {order.index((c.start - start, c.end - start)): _cell(c) for c in cells
                  if (c.start - start, c.end - start) in order}  # fmt: skip
        marks = {key: order.index(place) for key, place in found.items() if place in order}
        where = page_text(number, source.page_label or (span.page_label if span else None))
        title = source.document or (span.document if span else "")
        picture = self.pictures.get(source.id)
        return (Quote(title, where, _parts(text, order), before, after, labels, marks, picture),)

    def _inputs(self, fact: Fact) -> tuple[Quote, ...]:
        figures = [self.figures[id_] for id_ in fact.figures if id_ in self.figures]
        quotes = [self._figure_quote(figure) for figure in figures]
        if not quotes:
            spans = [self.spans[id_] for id_ in fact.spans if id_ in self.spans]
            quotes = [self._whole(span) for span in spans]
        return tuple(quotes)

    def _whole(self, span: Span) -> Quote:
        page = self.pages.get((span.document_id, span.page))
        _, before, after = _context(page, span.quote, span.start)
        where = page_text(span.page, span.page_label)
        picture = self.pictures.get(span.id)
        return Quote(span.document, where, ((span.quote, None),), before, after, picture=picture)

    def _figure_quote(self, figure: Figure) -> Quote:
        place = (figure.document_id, figure.page)
        page = self.pages.get(place)
        start, text = figure.row_start, ""
        if page is not None and figure.row_start < figure.row_end <= len(page.text):
            text = page.text[figure.row_start : figure.row_end]
        else:
            span = self._covering(figure)
            if span is not None:
                start, text = span.start, span.quote
        _, before, after = _context(page, text, start) if text else (0, "", "")
        offset = figure.start - start
        inside = text[max(offset, 0) : figure.end - start] == figure.text and bool(figure.text)
        marks = [(offset, figure.end - start)] if inside else []
        label = self.labels.get(place) or (page.label if page else None)
        title = self.titles.get(figure.document_id, figure.document_id)
        where = page_text(figure.page, label)
        picture = self.pictures.get(figure.id)
        return Quote(title, where, _parts(text, marks), before, after, {0: _cell(figure)}, picture=picture)

    def _covering(self, figure: Figure) -> Span | None:
        return next((span for span in self.spans.values() if _inside(figure, span)), None)


def _context(page: Page | None, quote: str, start: int) -> tuple[int, str, str]:
    """Return where the quote starts on the page, and the two lines before and after it with their line breaks."""
    if page is None or not quote:
        return start, "", ""
    if page.text[start : start + len(quote)] != quote:
        found = page.text.find(quote)
        if found < 0:
            return start, "", ""
        start = found
    before = page.text[:start].splitlines(keepends=True)
    partial = bool(before) and not before[-1].endswith(("\n", "\r"))
    after = page.text[start + len(quote) :].splitlines(keepends=True)
    kept = before[-_CONTEXT_LINES - partial :]
    return start, "".join(kept), "".join(after[: _CONTEXT_LINES + 1]).rstrip()


def _mark(quote: str, start: int, number: Number, cells: list[Figure]) -> tuple[int, int] | None:
    """Return the place of the number in the quote: the table cell of that value, else the same digits."""
    cell = _nearest([c for c in cells if start <= c.start and c.end <= start + len(quote)], number)
    if cell is not None:
        return cell.start - start, cell.end - start
    digits = re.search(r"\d[\d,.]*\d|\d", number.text)
    if digits is None:
        return None
    found = re.search(rf"(?<![\d.,]){re.escape(digits[0])}(?![\d]|[.,]\d)", quote)
    return found.span() if found else None


def _nearest(cells: list[Figure], number: Number) -> Figure | None:
    """Return the cell that a number prints, perhaps rounded (394.3 billion) or as an outflow (without its sign)."""
    size = abs(number.value)
    near = [cell for cell in cells if abs(abs(cell.value) - size) <= _ROUNDING * size]
    return min(near, key=lambda cell: abs(abs(cell.value) - size), default=None)


def _cell(figure: Figure) -> str:
    """Return which cell of which table a figure is, from the outside in, its printed text last."""
    parts = (figure.table, *figure.path, figure.row, figure.column, figure.text)
    return " · ".join(" ".join(part.split()) for part in parts if part.strip())


def _apart(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the places in order, each once, without those that overlap an earlier one."""
    kept: list[tuple[int, int]] = []
    for place in sorted(set(places)):
        if not kept or place[0] >= kept[-1][1]:
            kept.append(place)
    return kept


def _parts(text: str, marks: list[tuple[int, int]]) -> tuple[tuple[str, int | None], ...]:
    parts: list[tuple[str, int | None]] = []
    cursor = 0
    for index, (start, end) in enumerate(marks):
        parts += [(text[cursor:start], None), (text[start:end], index)]
        cursor = end
    parts.append((text[cursor:], None))
    return tuple(part for part in parts if part[0])
