"""Tells labels, section headings and prose apart in the text around a table's numbers."""

from __future__ import annotations

import re

_SKIPPED = re.compile(
    r"\s*(?:table\s+of\s+contents|part\s+[iv]+|item\s+\d+\w?|\d{1,3}|[-–]\s*continued\s*[-–]|\(continued\)|"
    r"see\s+(?:the\s+)?(?:accompanying\s+)?notes.*|.*\bform\s+10-[kq]\b.*|\([a-z]\)|_{3,}|®.*|\((?:un)?audited\))\s*",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"^(?:See|Refer|The|We|Our|In|As|These|This|For|Includes?|\(\d\)|\([a-z]\)|\*|•|\d+\.)\s")
_ANNOUNCING = re.compile(r"\b(?:is|are|was|were|shows?|presents?|summari[sz]es?|sets?|provides?|consists?)\b")
_JOINING = re.compile(
    r"(?:[,(/–—-]|\b(?:and|or|of|to|for|in|on|the|with|from|by|per|at|net|operating|other))\s*$", re.I
)
_MAJOR = re.compile(r"^[^a-z]*[A-Z][^a-z]*$")
_KNOWN = re.compile(
    r"(?:(?:Total\s)?(?:Assets|Liabilities(?:\sand\s(?:(?:stockholders|shareholders)[’']\s)?equity)?)|Current\sassets|Non-current\sassets|"
    r"Current\sliabilities|Non-current\sliabilities|Property\sand\sequipment(?=\s(?:Land|Buildings))|Equity|"
    r"(?:[A-Z][\w.]+\s){0,3}(?:Co\.,\sInc\.\s)?(?:Stockholders|Shareholders)[’']\s[Ee]quity|"
    r"(?:Cash\sflows\sfrom\s)?(?:Operating|Investing|Financing)\sactivities|Supplemental\scash\sflow\sinformation)"
    r"\s+(?=[A-Z])"
)


def is_skipped(line: str) -> bool:
    """Whether a line is furniture of the page: running head, page number, footnote marker."""
    return bool(_SKIPPED.fullmatch(line))


def is_prose(line: str, ends_with_number: bool) -> bool:
    """Whether a line is part of a sentence, so that a table above it has ended."""
    stripped = line.strip()
    words = len(stripped.split())
    if ends_with_number:
        return words > 40 and bool(re.search(r"[a-z]\.\s+[A-Z]", stripped)) and not re.search(r"\d,\d{3}", stripped)
    if stripped.endswith(".") and not re.search(r"\b(?:Inc|Corp|Co|Ltd|No|U\.S)\.$", stripped):
        return words >= 5 or bool(_SENTENCE.match(stripped))
    if stripped.endswith(":") and words >= 8 and _ANNOUNCING.search(stripped):
        return True
    if re.search(r"\bfollowing\stable|as\sfollows", stripped):
        return True
    if words >= 25 and not re.search(r"\d\s+\(?\$?\s?\(?\d", stripped):
        return True
    return words >= 8 and bool(_SENTENCE.match(stripped)) and not re.search(r"\d,\d{3}", stripped)


def split_label(text: str, start: int, end: int) -> tuple[str, int, list[str]]:
    """Return the row's label, where it starts on the page, and the section headings printed before it.

    `text[start:end]` is everything between the previous numbers and this row's numbers.
    """
    parts = [(m.start() + start, m.group(0)) for m in re.finditer(r"[^\n]+", text[start:end]) if m.group(0).strip()]
    parts = [(at, part) for at, part in parts if not is_skipped(part)]
    if not parts:
        return "", end, []
    index = len(parts) - 1
    alone = bool(re.search(r"\n[\s$€£]*$", text[start:end]))  # numbers on a line of their own: all lines are the label
    while index > 0 and (
        _joins(parts[index - 1][1], parts[index][1])
        or (alone and not parts[index - 1][1].rstrip().endswith(":") and not _MAJOR.match(parts[index - 1][1]))
    ):
        index -= 1
    at, first = parts[index]
    heads = _headings([part for _, part in parts[:index]])
    label_start = at + len(first) - len(first.lstrip())
    raw = text[label_start:end]
    while True:
        head = _leading_section(raw)
        if head is None:
            break
        heads.append(raw[:head].strip().rstrip(":"))
        moved = len(raw[head:]) - len(raw[head:].lstrip())
        label_start += head + moved
        raw = text[label_start:end]
    return tidy(raw), label_start, [tidy(head) for head in heads]


def tidy(label: str) -> str:
    """Return a label on one line, without currency signs or footnote markers at its end."""
    label = " ".join(label.replace("\u00ad", "").split())
    label = re.sub(r"(?:\s*\((?:\d{1,2}|[a-z])\))+$", "", label)
    return label.rstrip(" $€£:").strip()


def _joins(above: str, below: str) -> bool:
    """Whether a line goes on from the line above it."""
    head, tail = above.strip(), below.strip()
    if head.endswith(":"):
        return False
    if not tail or tail[0].islower() or tail[0] in "&(":
        return True
    return bool(_JOINING.search(head)) or head.count("(") > head.count(")")


def _headings(lines: list[str]) -> list[str]:
    """Join headings that wrap over lines."""
    joined: list[str] = []
    for line in lines:
        if joined and _joins(joined[-1], line):
            joined[-1] = f"{joined[-1].strip()} {line.strip()}"
        else:
            joined.append(line.strip())
    return [line.rstrip(":").strip() for line in joined if len(line.split()) <= 16][-3:]


def _leading_section(raw: str) -> int | None:
    """Return where a section heading ends that runs straight into a label ("Earnings per share: Basic")."""
    colon = re.match(r"[^:;\d]{3,120}?:\s+(?=[A-Z])", raw)
    if colon:
        return colon.end()
    known = _KNOWN.match(raw)
    return known.end() if known else None


class Sections:
    """The headings that are open at a row, outermost first."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._used = False

    @property
    def path(self) -> tuple[str, ...]:
        """The open headings."""
        return tuple(self._open)

    def open(self, heads: list[str]) -> None:
        """Open headings printed before a row; they replace those that already had rows, but for a major one."""
        if heads:
            if self._used:
                major = self._open[:1] if self._open and _MAJOR.match(self._open[0]) and len(self._open) > 1 else []
                self._open = [] if _MAJOR.match(heads[0]) else major
            self._open = [*self._open, *heads][-4:]
        self._used = True

    def close(self, label: str) -> None:
        """End the section that a total sums up."""
        total = re.match(r"total\s+(.+)", label, re.IGNORECASE)
        if total and self._open and self._open[-1].casefold() == total.group(1).casefold():
            self._open.pop()

    def clear(self) -> None:
        """Forget everything: prose came between."""
        self._open.clear()
        self._used = False
