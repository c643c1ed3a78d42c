"""Reads Markdown into claims: sentences, list items and table cells, each with what stands around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipelines.ledger.sentences import split_sentences
from tieout.model import Claim, Draft, Section

_FENCE = re.compile(r"^\s{0,3}(```|~~~)")
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_ITEM = re.compile(r"^(\s*)(?:[-*+•]|\d{1,3}[.)])\s+")
_RULE = re.compile(r"^\s{0,3}(?:(?:[-*_=]\s*){3,})$")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Passage:
    """A claim and what gives it meaning: headings above (outermost first), sentences before, row and column.

    `rows` and `columns` are the labels of a table's cell; `caption` the text that titles the table.
    """

    claim: Claim
    headings: tuple[str, ...] = ()
    before: tuple[str, ...] = ()  # earlier sentences of the section, nearest last
    row: str = ""
    column: str = ""
    caption: str = ""


@dataclass
class _State:
    headings: list[tuple[int, str]]
    before: list[str]

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(title for _, title in self.headings)


def parse_markdown(text: str) -> list[Passage]:
    """Return the claims of a Markdown text in reading order, their text verbatim.

    Code blocks and comments are left out. A heading is a claim too (it may hold numbers) and opens a section.
    """
    lines = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text).splitlines()
    passages: list[Passage] = []
    state = _State([], [])
    block: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if fence := _FENCE.match(line):
            _flush(block, state, passages)
            at += 1
            while at < len(lines) and not lines[at].lstrip().startswith(fence[1]):
                at += 1
        elif heading := _HEADING.match(line):
            _flush(block, state, passages)
            _open_section(heading[2], len(heading[1]), state, passages)
        elif "|" in line and at + 1 < len(lines) and _TABLE_RULE.match(lines[at + 1]) and "|" in lines[at + 1]:
            _flush(block, state, passages)
            last = at + 2
            while last < len(lines) and "|" in lines[last]:
                last += 1
            passages += _table(lines[at:last], state)
            at = last - 1
        elif block and re.match(r"^\s{0,3}(?:=+|-+)\s*$", line) and len(block) == 1 and not _ITEM.match(block[0]):
            title = block.pop()
            _open_section(title.strip(), 1 if "=" in line else 2, state, passages)
        elif not line.strip() or _RULE.match(line):
            _flush(block, state, passages)
        else:
            if _ITEM.match(line):
                _flush(block, state, passages)
            block.append(line)
        at += 1
    _flush(block, state, passages)
    return passages


def passages_of(draft: Draft) -> list[Passage]:
    """Return the claims of a writer's draft with their context: answer, sections, then each table's cells."""
    passages: list[Passage] = []
    before: list[str] = []
    for claim in draft.answer:
        passages.append(Passage(claim, (draft.title,), tuple(before)))
        before.append(claim.text)
    for section in draft.sections:
        titles, before = (draft.title, section.title), []
        for claim in section.claims:
            passages.append(Passage(claim, titles, tuple(before)))
            before.append(claim.text)
        for table in section.tables:
            for row in table.rows:
                label = row[0].text if row and row[0].kind != "quote" else ""
                for index, claim in enumerate(row):
                    column = table.columns[index] if index < len(table.columns) else ""
                    mine = "" if index == 0 else label
                    passages.append(Passage(replace(claim, kind="cell"), titles, (), mine, column, table.title))
    return passages


def rebuilt(draft: Draft, claims: Sequence[Claim]) -> Draft:
    """Return the draft with its claims, in the order of `passages_of`, put back where they were."""
    stream = iter(claims)
    answer = tuple(next(stream) for _ in draft.answer)
    sections: list[Section] = []
    for section in draft.sections:
        sentences = tuple(next(stream) for _ in section.claims)
        tables = tuple(
            replace(table, rows=tuple(tuple(next(stream) for _ in row) for row in table.rows))
            for table in section.tables
        )
        sections.append(replace(section, claims=sentences, tables=tables))
    return replace(draft, answer=answer, sections=tuple(sections))


def _open_section(title: str, level: int, state: _State, passages: list[Passage]) -> None:
    while state.headings and state.headings[-1][0] >= level:
        state.headings.pop()
    passages.append(Passage(Claim(_section(state), title), state.titles))
    state.headings.append((level, title))
    state.before = []


def _section(state: _State) -> str:
    return state.headings[-1][1] if state.headings else ""


def _flush(block: list[str], state: _State, passages: list[Passage]) -> None:
    text = "\n".join(block)
    block.clear()
    if not text.strip():
        return
    marker = re.match(r"^\s*(?:>\s?)*(?:(?:[-*+•]|\d{1,3}[.)])\s+)?(?:\[[ xX]\]\s+)?", text)
    body = text[marker.end() if marker else 0 :]
    for start, end in split_sentences(body):
        passages.append(Passage(Claim(_section(state), body[start:end]), state.titles, tuple(state.before)))
        state.before.append(body[start:end])


def _table(lines: list[str], state: _State) -> list[Passage]:
    columns = _cells(lines[0])
    caption = " ".join(filter(None, (columns[0] if columns else "", state.before[-1] if state.before else "")))
    passages: list[Passage] = []
    group = ""
    for line in lines[2:]:
        cells = _cells(line)
        label = cells[0] if cells else ""
        if len(cells) > 1 and not any(cells[1:]):
            group = label.strip("*_ :")
        full = f"{group}: {label}" if group and label.strip("*_ :") != group else label
        for index, cell in enumerate(cells):
            if not cell:
                continue
            column = columns[index] if index < len(columns) else ""
            passages.append(
                Passage(
                    Claim(_section(state), cell, kind="cell"), state.titles, tuple(state.before),
                    "" if index == 0 else full, column, caption,
                )
            )  # fmt: skip
    return passages


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner.removesuffix("|") if not inner.endswith("\\|") else inner
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", inner)]
