"""Says of which company a claim is: the one it names, else the one that its surroundings speak of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.ledger.draft import Passage
from pipelines.ledger.match_book import Entity, SourceBook
from pipelines.ledger.match_companies import Place
from tieout.model import Claim


class Companies:
    """Finds the companies of a book in a text; remembers the one that was named last."""

    def __init__(self, book: SourceBook) -> None:
        self.book = book
        self._names = [(name, entity) for entity in book.entities for name in entity.names]
        self._names.sort(key=lambda pair: len(pair[0]), reverse=True)
        self._last: Entity | None = None

    def of(self, claim: Claim, passage: Passage) -> tuple[Entity | None, bool]:
        """Return the company a claim is about, and whether it names one that no source is of."""
        if claim.instrument:
            wanted = claim.instrument.upper()
            for entity in self.book.entities:
                if entity.key == wanted or any(d.ticker == wanted for d in entity.documents):
                    self._last = entity
                    return entity, False
        context = [claim.text, passage.row, passage.column]
        for text in context:
            named = self.named(text)
            if named:
                self._last = named[0]
                return named[0], False
            if self.foreign(text):
                return None, True
        for text in (*reversed(passage.before[-3:]), passage.caption, *reversed(passage.headings)):
            named = self.named(text)
            if named:
                return named[-1] if len({e.key for e in named}) == 1 or text in passage.headings else named[0], False
            if self.foreign(text):
                return None, True
        if len(self.book.entities) == 1:
            return self.book.entities[0], False
        return self._last, False

    def named(self, text: str) -> list[Entity]:
        """Return the companies of the book that a text names, in order."""
        return _unique([entity for _, _, entity in self.places(text)])

    def places(self, text: str) -> list[Place]:
        """Return where a text names companies of the book, in order."""
        found: list[Place] = []
        for name, entity in self._names:
            for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text):
                if not any(start < match.end() and match.start() < end for start, end, _ in found):
                    found.append((match.start(), match.end(), entity))
        return sorted(found, key=lambda place: place[0])

    def foreign(self, text: str) -> bool:
        """Say whether the text names a company that is not of the book."""
        if self.book.mentioned is None or not text:
            return False
        keys = {e.key for e in self.book.entities} | {d.instrument_id for d in self.book.documents}
        others = [i for i in self.book.mentioned(text) if (i.ticker or i.id).upper() not in keys and i.id not in keys]
        return any(_is_subject(text, (one.name, *one.names)) for one in others)

    def hidden(self, text: str) -> list[tuple[int, int]]:
        """Return where a text holds names of companies: they are never part of a measure."""
        found = []
        for name, _ in self._names:
            found += [(m.start(), m.end()) for m in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
        return found


def _is_subject(text: str, names: Sequence[str]) -> bool:
    """Say whether a company is what a text speaks of, not what somebody paid for or held: "$6.1 billion for MGM"."""
    words = {name for full in names for name in (full, full.split()[0])}
    places = [m for name in words for m in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
    if not places:
        return True
    named = re.compile(r"\b(?:at|of|by|and|than|,)\s*$")
    return any(
        m.start() < 25 or re.match(r"[’']s?\b", text[m.end() :]) or named.search(text[: m.start()]) for m in places
    )


def _unique(entities: Sequence[Entity]) -> list[Entity]:
    seen: dict[str, Entity] = {}
    for entity in entities:
        seen.setdefault(entity.key, entity)
    return list(seen.values())
