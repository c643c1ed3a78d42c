"""Reads what a model wrote into a draft, and says in sentences what is wrong with it when it cannot be one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from pipelines.agents.fact_use import misuses
from pipelines.agents.prompts import PLACEHOLDER, Material
from pipelines.agents.writer import Brief
from tieout.model import Claim, Draft, Section, Table

_THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_LOOSE_PLACEHOLDER = re.compile(r"\{+\s*(?:fact\s*:\s*)?([A-Za-z][\w.-]*)\s*\}+")
_CITE_MARK = re.compile(r"\s*[\[【]\s*(S\d+(?:\s*,\s*S\d+)*)\s*[\]】]")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_QUOTED = re.compile(r"“([^“”]+)”|\"([^\"]+)\"")
_NO_NUMBER = re.compile(r"\b(?:(?:FY\s?)?(?:19|20)\d{2}|Q[1-4]|10-[KQ])\b")
_MOST_PROBLEMS = 12
NOT_FOUND = "Nothing in the library answers this question."
GAPS = "What the sources do not answer"


class UnusableAnswer(ValueError):
    """A model's answer that is no draft. `problems` says why, a sentence each, for the model to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def _as_claim(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


def _as_names(value: object) -> object:
    if value is None:
        return []
    return re.findall(r"S\d+", value) if isinstance(value, str) else value


class _Sentence(BaseModel):
    text: str = Field(min_length=1, max_length=2_000)
    cites: Annotated[list[str], BeforeValidator(_as_names)] = Field(default_factory=list, max_length=20)
    company: str | None = None


_Sentences = Annotated[list[Annotated[_Sentence, BeforeValidator(_as_claim)]], Field(max_length=60)]


class _Headed(BaseModel):
    title: str = Field(min_length=1, max_length=160)
    claims: _Sentences = Field(default_factory=list)


class _Written(BaseModel):
    answer: _Sentences
    sections: list[_Headed] = Field(default_factory=list, max_length=20)
    gaps: _Sentences = Field(default_factory=list)


def read_answer(text: str, brief: Brief, names: Material, writer: str, *, strict: bool = True) -> Draft:
    """Return the draft that a model wrote; tables, charts and notes come from the brief.

    A code fence, thoughts and words around the JSON object are forgiven, `[S1]` in a sentence is taken as a
    citation. Raises UnusableAnswer: when `strict` for any problem, else only when no sentence without one is left.
    """
    written = _parse(text)
    reader = _Reader(brief, names)
    answer = reader.claims(written.answer, "Answer")
    sections = [reader.section(headed) for headed in written.sections]
    gaps = reader.claims(written.gaps, GAPS)
    if not answer and not gaps:
        reader.problems.append('"answer" is empty; answer the question, or say in "gaps" what is missing.')
    if reader.problems and (strict or not (answer or gaps)):
        raise UnusableAnswer(list(dict.fromkeys(reader.problems))[:_MOST_PROBLEMS])
    if gaps:
        sections.append(Section(GAPS, gaps))
    return Draft(
        title=brief.outline.title if brief.outline else brief.question,
        answer=answer or (Claim("Answer", NOT_FOUND),),
        sections=tuple(_with_exhibits(sections, brief.outline)),
        notes=tuple(dict.fromkeys((*brief.notes, *(brief.outline.notes if brief.outline else ())))),
        writer=writer,
    )


def _parse(text: str) -> _Written:
    found = _json_object(_THOUGHT.sub(" ", text))
    if found is None:
        raise UnusableAnswer(['The answer holds no JSON object with "answer"; give that object and nothing else.'])
    try:
        return _Written.model_validate(found)
    except ValidationError as error:
        problems = [
            f"At {'.'.join(str(part) for part in item['loc']) or 'the top'}: {item['msg']}." for item in error.errors()
        ]
        raise UnusableAnswer(problems[:_MOST_PROBLEMS]) from error


def _json_object(text: str) -> dict[str, Any] | None:
    """Return the first JSON object in the text that has an answer."""
    decoder = json.JSONDecoder(strict=False)
    tries = 0
    for match in re.finditer(r"\{", text):
        tries += 1
        if tries > 200:  # an answer full of braces must not cost quadratic time
            break
        try:
            found, _ = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and "answer" in found:
            return found
    return None


@dataclass
class _Reader:
    """Turns written sentences into claims and collects what is wrong with them."""

    brief: Brief
    names: Material
    problems: list[str] = field(default_factory=list)

    def section(self, headed: _Headed) -> Section:
        """Return a section. A number in its title would stand outside the ledger."""
        title = " ".join(headed.title.split())
        outline = self.brief.outline.sections if self.brief.outline else ()
        known = title in {section.title for section in outline}
        if not known and (re.search(r"\d", _NO_NUMBER.sub("", title)) or re.search(r"[{}]", title)):
            self.problems.append(f"The section title {title!r} holds a number; only fiscal years may stand in a title.")
            title = "Details"
        return Section(title, self.claims(headed.claims, title))

    def claims(self, sentences: list[_Sentence], section: str) -> tuple[Claim, ...]:
        """Return the claims of a section that have no problem; collect the problems of the others."""
        claims = []
        for sentence in sentences:
            before = len(self.problems)
            claim = self._claim(sentence, section)
            if len(self.problems) == before:
                claims.append(claim)
        return tuple(claims)

    def _claim(self, sentence: _Sentence, section: str) -> Claim:
        cites = list(sentence.cites)
        for mark in _CITE_MARK.findall(sentence.text):
            cites += re.findall(r"S\d+", mark)
        text = _LINK.sub(r"\1", _CITE_MARK.sub("", sentence.text))
        text = _LOOSE_PLACEHOLDER.sub(self._placeholder, " ".join(text.split()))
        if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
            self.problems.append(f"Braces stand only in placeholders like {{fact:F1}}: {text!r}.")
        facts = tuple(dict.fromkeys(PLACEHOLDER.findall(text)))
        self._check_facts(text, facts)
        spans = tuple(dict.fromkeys(self._spans(cites)))
        self._check_quotes(text, spans)
        return Claim(section, text, facts, spans, instrument=self._company(sentence.company, facts))

    def _placeholder(self, match: re.Match[str]) -> str:
        fact = self.names.facts.get(match[1].upper())
        return f"{{fact:{fact.id if fact else match[1]}}}"

    def _check_facts(self, text: str, facts: tuple[str, ...]) -> None:
        known = {fact.id: fact for fact in self.names.facts.values()}
        given = f"the facts are F1 to F{len(known)}" if known else "there are no facts"
        for fact in facts:
            if fact not in known:
                self.problems.append(f"{{fact:{fact}}} is no fact that you were given; {given}.")
        used = [known[fact] for fact in facts if fact in known]
        for problem in misuses(text, used, known.values(), self.brief.instruments):
            self.problems.append(PLACEHOLDER.sub(self._short, problem))

    def _short(self, match: re.Match[str]) -> str:
        return f"{{fact:{self.names.fact_name(match[1])}}}"

    def _spans(self, cites: list[str]) -> Iterator[str]:
        for cite in cites:
            span = self.names.spans.get(cite.strip().strip("[]").upper())
            if span is not None:
                yield span.id
            else:
                given = (
                    f"the sources are S1 to S{len(self.names.spans)}" if self.names.spans else "there are no sources"
                )
                self.problems.append(f"{cite!r} is no source that you were given; {given}.")

    def _check_quotes(self, text: str, spans: tuple[str, ...]) -> None:
        quotes = [_plain(span.quote) for span in self.names.spans.values() if span.id in spans]
        for match in _QUOTED.finditer(text):
            said = match[1] or match[2]
            if len(said.split()) > 2 and not any(_plain(said) in quote for quote in quotes):
                self.problems.append(f"The words “{said}” do not stand so in a source that the sentence cites.")

    def _company(self, ticker: str | None, facts: tuple[str, ...]) -> str | None:
        tickers = [instrument.ticker for instrument in self.brief.instruments if instrument.ticker]
        if ticker and ticker.upper() in tickers:
            return ticker.upper()
        named = {fact.instrument for fact in self.names.facts.values() if fact.id in facts}
        if len(tickers) == 1:
            return tickers[0]
        return named.pop() if len(named) == 1 else None


def _plain(text: str) -> str:
    return " ".join(text.replace("’", "'").replace("‘", "'").split()).strip(" .,;:…").casefold()


def _with_exhibits(sections: list[Section], outline: Draft | None) -> Iterator[Section]:
    """Put the outline's tables and charts under the same titles; what finds no section keeps its own."""
    waiting = {section.title.casefold(): section for section in outline.sections} if outline else {}
    for section in sections:
        source = waiting.pop(section.title.casefold(), None)
        tables: tuple[Table, ...] = source.tables if source else ()
        yield Section(section.title, section.claims, tables, source.charts if source else ())
    for section in waiting.values():
        if section.tables or section.charts:
            yield Section(section.title, (), section.tables, section.charts)
