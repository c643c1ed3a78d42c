"""Reads tables whose rows are years to come: maturities, lease payments, amortization, purchase obligations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipelines.ledger.cells import Cell, cells_in
from pipelines.ledger.column_words import column_words
from pipelines.ledger.headings import Column
from pipelines.ledger.labels import tidy
from pipelines.ledger.periods import MONTH, MONTHS
from pipelines.ledger.tables import Row, Table, _note

_YEAR_ROW = re.compile(r"^[ \t]*((?:19|20)\d\d)[ \t]+(?=[$€£(\d—–-])", re.MULTILINE)
_AFTER = re.compile(
    r"^[ \t]*(?P<label>(?:(?:19|20)\d\d\s+and\s+)?there\s?after[ \t]*|"
    r"(?:total|less|present\s+value|net|amounts?\s+representing)\b[^\d$€£(.]{0,80}|)(?=[$€£(\d—])",
    re.IGNORECASE,
)
_LESS = re.compile(r"less\b|amounts?\s+representing", re.IGNORECASE)
_SENTENCE = re.compile(r"(?:[.:;][”\"]?\s+|\n)(?=[“\"]?[A-Z(])")
_HEAD = re.compile(  # what may stand between the announcing sentence and the first year
    r"\(?\$?\s*(?:amounts\s+|dollars\s+)?in\s+(?:millions|thousands|billions)\)?|\((?:MILLIONS|THOUSANDS)\)|"
    rf"(?:fiscal\s+)?years?\s+end(?:ed|ing)\s+{MONTH}\s+\d{{1,2}},?|"
    rf"due\s+in\s+12[\s-]months?\s+periods?\s+ended\s+{MONTH}\s+\d{{1,2}},?|"
    r"\bfiscal\s+years?\b|\byears?\b|\bamounts?\b|\b(?:annual|maturities|payments)\b",
    re.IGNORECASE,
)
_DATE = rf"({MONTH})\s+(\d{{1,2}}),\s*((?:19|20)\d\d)"
_ASOF = re.compile(rf"\b(?:as\s+of|at)\s+{_DATE}", re.IGNORECASE)
_CUT = re.compile(
    rf",?\s*\b(?:as\s+of|at)\s+{_DATE},?|\([^()]*\)|,?\s*\bincluding\b.*|\s+(?:with|having)\s+(?:a|an)\b.*|"
    r",?\s+(?:during|for|over|in)\s+(?:each\s+of\s+)?the\s+(?:next|following|succeeding)\b.*|"
    r",?\s+\b(?:is|are|was|were)\b(?:\s+(?:as\s+follows|summari[sz]ed|presented|shown)\b.*)?$|\s+as\s+follows$",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:the\s+following(?:\s+table)?\s+(?:outlines|summari[sz]es|shows|presents|sets\s+forth|provides|details|reflects)|"
    r"the|our|its|total)\s+",
    re.IGNORECASE,
)
_DUE = re.compile(r"\b(?:maturit(?:y|ies)|payments?|obligations?|commitments?|amortization)\b", re.IGNORECASE)
_DROPPED = re.compile(
    r"\b(?:estimated|expected|aggregate|annual|future|scheduled|minimum|undiscounted|principal|non-?cancell?able|"
    r"(?:the\s+)?company['’]s|our|its|the|total)\s+",
    re.IGNORECASE,
)
_FALLS_DUE = re.compile(r"\b(?:maturit(?:y|ies)|payments?|amortization|purchase|due)\b", re.IGNORECASE)
_OWED = re.compile(r"\b(?:obligations?|commitments?|liabilit(?:y|ies))\b", re.IGNORECASE)


def read_schedules(text: str, names: Sequence[str] = ()) -> list[tuple[Table, int, int]]:
    """Return the schedules of a page with their offsets: at least three years in a row, each on a line of its own.

    A row is labelled with what the sentence above announces ("maturities of long-term debt") and its columns
    bear the row's year. A schedule that no such sentence announces, or whose columns have no certain names, is left
    to the other readers.
    """
    found = []
    end = 0
    for rows in _year_lines(text):
        if rows[0][0] < end:
            continue
        made = _schedule(text, rows, names)
        if made is not None:
            found.append(made)
            end = made[2]
    return found


def _year_lines(text: str) -> list[list[tuple[int, int, int, list[Cell]]]]:
    """Return runs of at least three lines (start, end, year, cells) that go up by one year and one line each."""
    runs: list[list[tuple[int, int, int, list[Cell]]]] = []
    for match in _YEAR_ROW.finditer(text):
        stop = text.find("\n", match.end())
        stop = len(text) if stop < 0 else stop
        cells = cells_in(text, match.end(), stop)
        if not cells or _beside(text, match.end(), stop, cells):
            continue
        line = (match.start(), stop, int(match[1]), cells)
        if runs:
            last = runs[-1][-1]
            if last[2] + 1 == line[2] and not text[last[1] : line[0]].strip() and len(last[3]) == len(cells):
                runs[-1].append(line)
                continue
        runs.append([line])
    return [run for run in runs if len(run) >= 3]


def _beside(text: str, start: int, end: int, cells: Sequence[Cell]) -> bool:
    """Whether the line holds anything but its cells."""
    at, rest = start, ""
    for cell in cells:
        rest += text[at : cell.start]
        at = cell.end
    return bool((rest + text[at:end]).strip(" $€£\t"))


def _schedule(
    text: str, rows: list[tuple[int, int, int, list[Cell]]], names: Sequence[str]
) -> tuple[Table, int, int] | None:
    start = rows[0][0]
    announced = _announced(text, start)
    if announced is None:
        return None
    sentence, begin, heads = announced
    measure = _measure(sentence)
    width = len(rows[0][3])
    if measure is None:
        return None
    parts = column_words(heads, width, names) if width > 1 else ("",) if not heads.strip(" ,:") else None
    if parts is None and width == 1 and len(heads.split()) <= 3 and column_words(heads, 1, names):
        parts = ("",) if heads.split()[0].casefold() in measure.casefold() else None
    if parts is None:
        return None
    asof = _ASOF.search(sentence)
    path = (_full(sentence),)
    made = [
        Row(
            measure, path, at + len(text[at:stop]) - len(text[at:stop].lstrip()), cells[-1].end, tuple(cells),
            tuple(Column(str(year), year, months=12, group=part) for part in parts),
        )
        for at, stop, year, cells in rows
    ]  # fmt: skip
    end, less = rows[-1][1], False
    for at, stop, label, cells in _rows_after(text, end, width):
        if label:
            less = less or bool(_LESS.match(label))
            owed = re.search(r"\bdebt\b", label, re.I) or _OWED.search(
                measure if label.casefold() == "total" else label
            )
            due = _owed_at(asof) if asof and (owed or _LESS.match(label)) else Column("")
            if label.casefold() == "total" and not less:  # after a deduction it is the sum of something else
                label = f"Total {measure[:1].lower()}{measure[1:]}"
            columns = tuple(replace(due, group=part) for part in parts)
            made.append(Row(label, path, at, cells[-1].end, tuple(cells), columns))
        end = stop
    note = _note(text, begin, start)
    known = tuple(dict.fromkeys(column for row in made for column in row.columns if column is not None))
    return Table(path[0], None, note, known, tuple(made), ""), start, end


def _rows_after(text: str, end: int, width: int) -> Iterator[tuple[int, int, str, list[Cell]]]:
    """Yield (start, end, label, cells) of the rows between the last year and the end of the schedule."""
    for _ in range(8):
        stop = text.find("\n", end + 1)
        stop = len(text) if stop < 0 else stop
        match = _AFTER.match(text[end + 1 : stop])
        if match is None:
            return
        cells = cells_in(text, end + 1 + match.end(), stop)
        if len(cells) != width or _beside(text, end + 1 + match.end(), stop, cells):
            return
        yield end + 1 + match.start("label"), stop, tidy(match["label"]), cells
        end = stop


def _owed_at(match: re.Match[str]) -> Column:
    return Column(match[0], int(match[3]), MONTHS[match[1].lower().rstrip(".")], int(match[2]), asof=True)


def _announced(text: str, start: int) -> tuple[str, int, str] | None:
    """Return the sentence that announces a schedule, where it begins, and the heading words below it."""
    above = text[max(0, start - 700) : start]
    colon = above.rfind(":")
    if colon < 0:
        return None
    heads = " ".join(_HEAD.sub(" ", above[colon + 1 :]).split())
    if len(heads.split()) > 14:
        return None
    before = above[:colon]
    starts = [m.end() for m in _SENTENCE.finditer(before) if m.group(0) != "\n" or _closed(before, m.start())]
    at = starts[-1] if starts else 0
    return " ".join(before[at:].split()), max(0, start - 700) + at, heads


def _closed(text: str, at: int) -> bool:
    """Whether the line that ends at `at` ends a paragraph rather than a line of one."""
    line = text[text.rfind("\n", 0, at) + 1 : at].strip()
    return len(line.split()) < 8 or line.endswith(("%", ")")) or bool(re.search(r"[\d.]\d$", line))


def _full(sentence: str) -> str:
    """Return what the sentence announces, without dates and "are as follows"."""
    words = _CUT.sub("", re.sub(rf"^(?:as\s+of|at)\s+{_DATE},\s*", "", sentence, flags=re.IGNORECASE)).strip(" ,:")
    for _ in range(3):
        words = _LEAD.sub("", _CUT.sub("", words)).strip(" ,:")
    return words


def _measure(sentence: str) -> str | None:
    """Return the words for one year's amount, None when the sentence does not speak of amounts that fall due."""
    full = _full(sentence)
    if not _DUE.search(full) or len(full.split()) > 20:
        return None
    core = re.sub(
        r"^.*\bpayments?\s+(?:due\s+)?under\s+(?=(?:\w+\s+){0,3}(?:obligations|commitments)\b)",
        "",
        _DROPPED.sub("", full),
        flags=re.IGNORECASE,
    )
    core = re.sub(r"\s+(?:related\s+to|held)$", "", _DROPPED.sub("", core)).strip(" ,")
    if not _FALLS_DUE.search(core):
        core += " due"  # one year's part of what is owed, not the balance
    return core[:1].upper() + core[1:] if len(core.split()) > 1 else None
