"""An index over a set of instruments: by id, ticker, identifier and name, and what a text mentions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from pipelines.registry.names import ORDINARY_CAPITALS, ORDINARY_NAMES, normal, squashed
from tieout.model import Instrument

_TOKEN = re.compile(r"\$?[A-Za-z0-9][A-Za-z0-9&.!’'+-]*")
_POSSESSIVE = re.compile(r"[’']s?$")
_TICKER = re.compile(r"[A-Z]{1,5}(?:[.-][A-Z])?")
_MARK = re.compile(r"(?:\b(?:ticker|symbol|nyse|nasdaq|amex)\s*:?\s*|\(\s*)$", re.I)
_LONGEST = 7  # words of a name


class Lookup:
    """Finds instruments. Later ones replace earlier ones of the same id, CIK or ticker."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        chosen: dict[str, Instrument] = {}
        by_ticker: dict[str, str] = {}
        for instrument in instruments:
            key = instrument.id
            if instrument.ticker and instrument.ticker in by_ticker:
                key = by_ticker[instrument.ticker]
            if instrument.ticker:
                by_ticker[instrument.ticker] = key
            chosen[key] = _merged(chosen.get(key), instrument)
        self.instruments = tuple(chosen.values())
        self._ids = {found.id: found for found in self.instruments}
        self._ciks = {found.cik.lstrip("0"): found for found in self.instruments if found.cik}
        self._tickers: dict[str, Instrument] = {}
        self._names: dict[str, list[Instrument]] = {}
        self._squashed: dict[str, list[Instrument]] = {}
        for found in self.instruments:
            for name in (found.name, *found.names):
                if _TICKER.fullmatch(name):
                    self._tickers.setdefault(name.replace(".", "-"), found)
                _put(self._names, normal(name), found)
                _put(self._squashed, squashed(name), found)
        for found in self.instruments:  # a main ticker wins over another company's further one
            if found.ticker:
                self._tickers[found.ticker.replace(".", "-")] = found

    def exact(self, reference: str) -> list[Instrument]:
        """Return the instruments that an id, ticker, CIK or whole name means."""
        text = reference.strip()
        digits = re.sub(r"^cik[\s:#]*", "", text, flags=re.I).lstrip("0")
        direct = (
            self._ids.get(text)
            or self._tickers.get(text.upper().lstrip("$").replace(".", "-"))
            or (self._ciks.get(digits) if digits.isdigit() else None)
        )
        return [direct] if direct else list(self._names.get(normal(text), ()))

    def beginning(self, reference: str) -> list[Instrument]:
        """Return the instruments one of whose names begins with the words of `reference`."""
        start = normal(reference) + " "
        found = {one.id: one for name, ones in self._names.items() if name.startswith(start) for one in ones}
        return list(found.values())

    def squashed(self, text: str) -> Instrument | None:
        """Return the one instrument that a file name's word (`BESTBUY`) means."""
        found = self._squashed.get(squashed(text), [])
        return found[0] if len(found) == 1 else None

    def names(self) -> list[str]:
        """Return all names and tickers, for close matches."""
        return [*self._names, *(ticker.casefold() for ticker in self._tickers)]

    def mentioned(self, text: str) -> list[Instrument]:
        """Return the instruments that a text names, in order of first mention, without doubt only."""
        tokens = [(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(text)]
        letters = [character for character in text if character.isalpha()]
        shouting = len(letters) > 12 and sum(map(str.isupper, letters)) > 0.9 * len(letters)
        found: dict[str, Instrument] = {}
        index = 0
        while index < len(tokens):
            for length in range(min(_LONGEST, len(tokens) - index), 0, -1):
                instrument = self._phrase(text, tokens[index : index + length], shouting)
                if instrument is not None:
                    found.setdefault(instrument.id, instrument)
                    index += length
                    break
            else:
                index += 1
        return list(found.values())

    def _phrase(self, text: str, tokens: list[tuple[str, int, int]], shouting: bool) -> Instrument | None:
        if any(_ends(text, left, right) for left, right in pairwise(tokens)):
            return None
        first, start, _ = tokens[0]
        phrase = text[start : tokens[-1][2]]
        bare = _POSSESSIVE.sub("", phrase.rstrip(".!"))
        if len(tokens) == 1 and (by_ticker := self._ticker(text, bare, start, shouting)) is not None:
            return by_ticker
        name = normal(bare)
        if len(tokens) > 1 and normal(first) == name:
            return None  # only a legal form follows: the shorter phrase says the same, unless it is ordinary
        candidates = self._names.get(name, ())
        if len(candidates) != 1 or len(name) < 2:
            return None
        return candidates[0] if self._sure(text, bare, name, start, possessive=bare != phrase.rstrip(".!")) else None

    def _ticker(self, text: str, bare: str, start: int, shouting: bool) -> Instrument | None:
        marked = bare.startswith("$") or bool(_MARK.search(text[:start]))
        ticker = bare.lstrip("$")
        if not _TICKER.fullmatch(ticker):
            return None
        if not marked and (shouting or len(ticker) == 1 or ticker in ORDINARY_CAPITALS):
            return None
        return self._tickers.get(ticker.replace(".", "-"))

    @staticmethod
    def _sure(text: str, bare: str, name: str, start: int, *, possessive: bool) -> bool:
        words = name.split()
        if len(words) > 1:
            return True
        capital = bare[:1].isupper() or bare[:1].isdigit()
        if name in ORDINARY_NAMES:
            before = text[:start].rstrip(" \t\n\"'“(")
            opens = not before or before[-1] in ".!?:"
            return capital and (possessive or not opens)
        if len(name) <= 3 or bare.isupper():
            return bare.isupper() or any(character.isdigit() for character in bare)
        return capital or len(name) >= 5


def _ends(text: str, left: tuple[str, int, int], right: tuple[str, int, int]) -> bool:
    """Whether a clause ends between two tokens (`Inc. ` and `U.S. ` end none)."""
    return len(left[0]) > 3 and re.search(r"[.!?,;:]\s", text[left[2] - 1 : right[1] + 1]) is not None


def _merged(known: Instrument | None, newer: Instrument) -> Instrument:
    """Return the newer record with what only the known one says (names, fiscal year end, CIK)."""
    if known is None:
        return newer
    names = tuple(dict.fromkeys((*newer.names, *known.names, *((known.name,) if known.name != newer.name else ()))))
    return Instrument(
        known.id,
        newer.name,
        newer.ticker or known.ticker,
        names,
        newer.cik or known.cik,
        newer.currency,
        newer.fiscal_year_end or known.fiscal_year_end,
        newer.kind if newer.kind != "company" else known.kind,
        newer.country or known.country,
    )


def _put(index: dict[str, list[Instrument]], name: str, instrument: Instrument) -> None:
    if name and all(found.id != instrument.id for found in index.setdefault(name, [])):
        index[name].append(instrument)
