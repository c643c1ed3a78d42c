"""Makes text from outside harmless and numbers readable, once for Markdown, notebooks and HTML.

Whatever a document, a model or a person wrote is shown literally: no character of it may open a tag, a
link, an image, a formula or a list.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from tieout.model import Period

_MONTHS = "January February March April May June July August September October November December".split()
# Unicode's categories Cc (but the line break) and Cs, and what turns the direction of writing.
_HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SPECIAL = re.compile(r"[\\`*_\[\]{}~|$^@]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SCHEME = re.compile(r"://")
_WWW = re.compile(r"(?i)(www)\.")
_BLOCK = re.compile(r"^(\d{1,9})([.)])|^([#+\-=:])")
_BACKTICKS = re.compile(r"`+")


def visible(text: str) -> str:
    """Return `text` with control characters, direction overrides and lone surrogates spelled out (`[U+202E]`).

    Line breaks stay (as `\\n`) and tabs become spaces: a reader must see what a machine matched.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return _HIDDEN.sub(lambda match: f"[U+{ord(match[0]):04X}]", text)


def one_line(text: str) -> str:
    """Return `text` with every run of white space made one space, spelled out as by `visible`."""
    return visible(" ".join(text.split()))


def markdown(text: str) -> str:
    """Return `text` as Markdown that shows it literally, for use inside a line."""
    lead = " " if text[:1].isspace() else ""
    trail = " " if len(text) > 1 and text[-1:].isspace() else ""
    inner = one_line(text)
    if not inner:
        return lead
    escaped = _SPECIAL.sub(lambda match: "\\" + match[0], inner)
    escaped = "".join(_ENTITIES.get(char, char) for char in escaped)
    escaped = _WWW.sub(r"\1\\.", _SCHEME.sub(r"\\://", escaped))
    return lead + escaped + trail


def markdown_block(line: str) -> str:
    """Return a finished line of Markdown that cannot start a heading, list or rule."""
    return _BLOCK.sub(lambda match: f"{match[1]}\\{match[2]}" if match[1] else f"\\{match[3]}", line.strip())


def code_span(text: str) -> str:
    """Return `text` as a Markdown code span on one line; its content is never parsed."""
    inner = one_line(text)
    ticks = "`" * (max((len(run) for run in _BACKTICKS.findall(inner)), default=0) + 1)
    pad = " " if inner[:1] == "`" or inner[-1:] == "`" or not inner else ""
    return f"{ticks}{pad}{inner}{pad}{ticks}"


def code_block(text: str, language: str = "", indent: str = "") -> str:
    """Return `text` as a fenced Markdown block, each line after `indent`; its content is never parsed."""
    inner = "\n".join(visible(line) for line in re.split(r"[\n\v\f\x1c-\x1e\x85\u2028\u2029]", text.replace("\r", "")))
    fence = "`" * max(3, max((len(run) for run in _BACKTICKS.findall(inner)), default=0) + 1)
    lines = [fence + language, *inner.split("\n"), fence]
    return "\n".join(indent + line for line in lines)


def plain_decimal(value: Decimal) -> str:
    """Return a decimal string without exponent or trailing zeros: `394328000000`, `0.0779`."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def grouped(value: Decimal) -> str:
    """Return the value with thousands separators, without exponent: `394,328,000,000`."""
    whole, _, fraction = plain_decimal(value).partition(".")
    sign = "−" if whole.startswith("-") else ""
    digits = f"{int(whole.lstrip('-')):,}"
    return sign + digits + (f".{fraction}" if fraction else "")


def with_unit(value: Decimal, unit: str) -> str:
    """Return a value in base units with its unit in words; a fraction also as a percentage."""
    if unit == "fraction":
        percent = plain_decimal(round(value * 100, 4))
        return f"{grouped(value)} ({percent.replace('-', '−')} %)"
    return f"{grouped(value)} {unit}".strip()


def long_date(day: date) -> str:
    """Return a date as `24 September 2022`, the same on every machine."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def period_text(period: Period | None) -> str:
    """Return a period in words, with its dates when it has them."""
    if period is None:
        return ""
    name = period.label
    if not name and period.fiscal_year is not None:
        quarter = f" Q{period.fiscal_quarter}" if period.fiscal_quarter else ""
        name = f"fiscal {period.fiscal_year}{quarter}"
    if period.start and period.end:
        dates = f"{long_date(period.start)} to {long_date(period.end)}"
    else:
        dates = long_date(period.end) if period.end else ""
    if name and dates and dates != name:
        return f"{name} ({dates})"
    return name or dates


def page_text(page: int | None, label: str | None) -> str:
    """Return `p. 29 (page 32 of the file)`, or `page 32` when the page prints no label of its own."""
    if page is None:
        return ""
    if label and label != str(page):
        return f"p. {label} (page {page} of the file)"
    return f"page {page}"
