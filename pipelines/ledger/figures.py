"""Reads every reported number of a filing into Figures: value in base units, period, measure and place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from pipelines.ledger.cells import Cell
from pipelines.ledger.column_words import segment_names
from pipelines.ledger.concepts import concept, concept_of, normal_label
from pipelines.ledger.headings import Column, is_heading_text
from pipelines.ledger.labels import is_skipped
from pipelines.ledger.periods import Calendar, day_of
from pipelines.ledger.tables import Row, Table, read_tables
from pipelines.ledger.units import Note, measure, read_note
from tieout.model import Document, Figure, Page, Period

_ITEM_LINE = re.compile(
    r"^\s*(?:Item\s+\d+[A-C]?\s*[.—–-]|Notes\s+to\s+(?:Condensed\s+)?Consolidated\s)", re.IGNORECASE
)
_ITEM_NOTE = re.compile(r"\([^()]{0,20}\bin\s+(?:millions|thousands|billions)\b[^()]{0,160}\)", re.IGNORECASE)
_TOTAL = re.compile(
    r"^(?:grand )?total\b|^consolidated\b|^worldwide\b|^company\b|elimination|^segment (?:total|operating)",
    re.IGNORECASE,
)
_SALES = re.compile(r"\b(?:net sales|revenues?)\b", re.IGNORECASE)
_PROFIT = re.compile(r"\boperating (?:income|profit)\b", re.IGNORECASE)
_PARTS = re.compile(
    r"\bby\s+(?:\w+\s+){0,3}(?:segment|categor|geograph|groups?|products?|countr|region|operating segments|major)|"
    r"\bsegments?\b|disaggregat|attributed to countries|\bby (?:type|source)",
    re.IGNORECASE,
)
_FLOW = re.compile(
    r"\b(?:income|provision|expenses?|revenues?|sales|cash flows?|activity)\b"
    r"(?!.*\b(?:assets|liabilities|balances?|deferred)\b)",
    re.IGNORECASE,
)
_STOCK = re.compile(  # balances that summaries show under bare years
    r"(?:total\s+)?(?:cash,\s+cash\s+equivalents|cash\s+and\s+cash|property,\s+plant|commercial\s+paper|(?:total\s+)?term\s+debt|"
    r"inventor(?:y|ies)$|total\s+(?:assets|debt|liabilities|equity)|working\s+capital$)",
    re.IGNORECASE,
)
_ASSETS = re.compile(r"(?:total )?(?:(?:identifiable|segment|long-lived|total) )?assets(?:, net)?", re.IGNORECASE)
_NAMED_PART = re.compile(r"(?:net sales|revenues?|(?:segment )?operating (?:income|profit))")
_REGION = re.compile(  # "United States and Canada (UCAN)"
    r"(?=.*\b(?:Americas?|Europe|Asia|Africa|States|Canada|Pacific|East|China|Japan|World|International|Kingdom)\b)"
    r"[A-Z][\w, -]+\([A-Z]{3,6}\)"
)
_GENERIC = re.compile(r"\b(?:by|reportable|operating|business|each|our|all|information)\b", re.IGNORECASE)
_OF_PART = re.compile(r"(?:^|[.:]\s+)((?:[A-Z][\w.'’&-]*\s+){1,4}?)Segment(?:\s+Performance\s+Summary)?\s*$")


def read_figures(document: Document, pages: Sequence[Page]) -> list[Figure]:
    """Return all reported numbers of a document's tables, page by page in reading order.

    A number whose column is not certain has no period; one whose scale is printed nowhere is left out. The
    figures' ids depend only on the document's id, the page and the offset.
    """
    calendar = Calendar.of(document, (page.text for page in pages))
    names = segment_names(page.text for page in pages)
    figures: list[Figure] = []
    above = ""  # a heading that stands alone at the foot of the page before
    standing = ""  # the scale printed beside an Item's heading, which holds until the next Item
    for page in pages:
        notes = _standing_notes(page.text)
        for number, read in enumerate(read_tables(page.text, names)):
            table = replace(read, title=above) if number == 0 and above and _opens_page(read) else read
            start = table.rows[0].start
            for at, note in notes:
                if at < start:
                    standing = note
            figures.extend(_of_table(document, page, table, calendar, table.note or standing))
        if notes:
            standing = notes[-1][1]
        above = _foot(page.text)
    return figures


def _foot(text: str) -> str:
    """Return the heading that a page ends with, so that its table is on the next; "" when it ends otherwise."""
    lines = [line.strip() for line in text[-300:].split("\n")[1:]]
    lines = [line for line in lines if line and not is_skipped(line)]
    last = lines[-1] if lines else ""
    return last if _REGION.fullmatch(last) else ""


def _opens_page(table: Table) -> bool:
    """Whether nothing but furniture and periods stands above a table on its page."""
    lines = table.intro.split("\n")
    return table.statement is None and all(is_skipped(x) or is_heading_text(x) for x in lines if x.strip())


_ALL_AMOUNTS = re.compile(
    r"^\W*(?:all|unless)\b[^.\n]{0,60}\bin\s+(?:US\s?)?[$€£]?\s?(?:millions|thousands|billions)\b[^.\n]{0,60}",
    re.IGNORECASE,
)
_SIGNS = {"€": "EUR", "£": "GBP", "¥": "JPY"}


def _in_currency(figure: Figure, code: str) -> Figure:
    """Return the figure in the currency that its table prints instead of dollars."""
    return replace(figure, unit=figure.unit.replace("USD", code))


def _standing_notes(text: str) -> list[tuple[int, str]]:
    """Return (offset, note) for each Item's or Notes' heading of a page; "" when it prints no scale."""
    found = []
    at = 0
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if _ALL_AMOUNTS.match(line):
            found.append((at, line.strip()))
        elif _ITEM_LINE.match(line) and len(line) < 260:
            match = _ITEM_NOTE.search(" ".join(lines[index : index + 3]))
            found.append((at, match.group(0) if match else ""))
        at += len(line) + 1
    return found


def _of_table(document: Document, page: Page, table: Table, calendar: Calendar, printed: str) -> Iterator[Figure]:
    note = read_note(printed)
    signs = any(cell.currency for row in table.rows for cell in row.cells)
    foreign = next(
        (
            code
            for sign, code in _SIGNS.items()
            if sign in printed or any(cell.currency == sign for row in table.rows for cell in row.cells)
        ),
        None,
    )
    money = signs or "$" in printed or "dollars" in printed.lower() or table.statement is not None
    totals = {concept_of(r.label, r.path, table.title) for r in table.rows if normal_label(r.label).startswith("total")}
    for row in table.rows:
        if row.label.isdigit():
            continue
        name, dimension = _meaning(row, table, "revenue" in totals)
        marked = any(cell.percent or cell.scale for cell in row.cells)
        if (printed and "share" in printed) or signs or note.money or marked:
            for figure in _of_row(document, page, table, row, calendar, note, money or bool(foreign), name, dimension):
                yield _in_currency(figure, foreign) if foreign else figure


def _of_row(
    document: Document,
    page: Page,
    table: Table,
    row: Row,
    calendar: Calendar,
    note: Note,
    money: bool,
    name: str | None,
    dimension: str | None,
) -> Iterator[Figure]:
    for cell, column in zip(row.cells, row.columns, strict=True):
        if cell.number is None:
            continue
        if column is None and len(row.cells) > 1 and not (cell.currency or cell.percent or cell.scale):
            continue  # under an unknown heading its unit is unknown too
        found = measure(cell, row.label, row.path, note, percent=bool(column and column.percent), money=money)
        if found is None:
            continue
        change = bool(column and column.change)
        part = _joined(dimension, column.group if column else "")
        if column and part == column.group and table.statement is None and name is None:
            named = _NAMED_PART.fullmatch(normal_label(row.label).removeprefix("total "))
            own = ("operating_income" if "operating" in named[0] else "revenue") if named else None
        else:
            own = name
        kept = own if own and not change and _fits(own, found.unit) else None
        period = _period(column, table, row, kept, calendar, document) if column and not change else None
        yield Figure(
            id=figure_id(document.id, page.number, cell.start),
            document_id=document.id,
            page=page.number,
            start=cell.start,
            end=cell.end,
            text=page.text[cell.start : cell.end],
            value=_value(cell, found.unit, found.scale),
            unit=found.unit,
            scale=found.scale,
            decimals=cell.decimals,
            row=row.label,
            path=row.path,
            column=(f"{column.group} {column.text}".strip() if column else ""),
            table=table.title,
            period=period,
            row_start=row.start,
            row_end=row.end,
            concept=kept,
            dimension=part,
            known_on=document.filed_on or document.period_end,
        )


def figure_id(document_id: str, page: int, start: int) -> str:
    """Return the id of the figure at that place: the same whenever the document is read again."""
    return "fig_" + hashlib.sha256(f"{document_id}:{page}:{start}".encode()).hexdigest()[:20]


def _value(cell: Cell, unit: str, scale: int) -> Decimal:
    assert cell.number is not None
    if cell.scale and unit == "USD":
        return (cell.number * cell.scale).normalize() + 0
    if unit == "fraction":
        return cell.number / (10_000 if cell.points else 100)
    value = cell.number * scale
    return value.quantize(Decimal(1)) if scale > 1 and value == value.to_integral_value() else value


def _fits(name: str, unit: str) -> bool:
    entry = concept(name)
    return entry is not None and entry.unit == unit


def _joined(dimension: str | None, group: str) -> str | None:
    """Join the part that a row names and the part that its column names; the whole is no part."""
    whole = not group or bool(_TOTAL.search(group))
    if whole:
        return dimension
    return f"{dimension}, {group}" if dimension else group


def _meaning(row: Row, table: Table, has_total: bool) -> tuple[str | None, str | None]:
    """Return the row's measure and the part of the whole that it is about."""
    if table.statement in ("income", "balance", "cash"):
        name = concept_of(row.label, row.path, table.title)
        if name == "revenue" and has_total and not normal_label(row.label).startswith("total"):
            return "net_sales" if "sales" in row.label.casefold() else None, None
        if name is None and row.path and table.statement == "income":
            above = concept_of(row.path[-1], (), table.title)
            if above in ("revenue", "cost_of_revenue") and not _TOTAL.search(row.label):
                return above, row.label
        return name, None
    if table.statement or not table.columns:
        return None, None
    if normal_label(row.label) == "interest expense" and not _PARTS.search(f"{table.title} {table.intro}"):
        return "interest_expense", None  # many income statements only show it inside other income
    return _segment(row, table)


def _segment(row: Row, table: Table) -> tuple[str | None, str | None]:
    """Read a row of a table that splits revenue or operating income into parts."""
    label = normal_label(row.label)
    heading = row.path[-1] if row.path else ""
    own = _OF_PART.search(table.title)
    named = _NAMED_PART.fullmatch(label)
    if any("excluding" in part.casefold() for part in row.path):
        return None, None
    region = _REGION.fullmatch(table.title)
    if region and not named:
        return None, table.title  # every row is of that region
    if named:
        if region and not heading:
            return ("operating_income" if "operating" in label else "revenue"), table.title
        part = own.group(1).strip() if own else heading
        if not part or _TOTAL.search(part) or _PARTS.search(part) or _SALES.search(part):
            return None, None
        if own or _PARTS.search(f"{table.title} {table.intro}"):
            return ("operating_income" if "operating" in label else "revenue"), part
        return None, None
    if own:
        part = own.group(1).strip()  # every row of a segment's own table is of that segment
        return None, (None if _TOTAL.search(part) or _SALES.search(part) or _GENERIC.search(part) else part)
    if _TOTAL.search(row.label) or len(row.label.split()) > 8:
        return None, None
    text = heading if _SALES.search(heading) or _PROFIT.search(heading) else table.title
    if not _PARTS.search(f"{heading} {table.title}") and not (heading == text and _PARTS.search(table.intro)):
        return None, None
    name = re.sub(r"^(?:Revenues?|Net sales) by [a-z ]+?(?=[A-Z])", "", row.label)
    of = re.match(r"([A-Z][\w.'’& ]+?)\s+(?:net sales|revenues?)\s+by\b", table.title)
    if of and of.group(1).split()[0] not in ("The", "Our", "Net", "Total", "Consolidated"):
        name = f"{of.group(1)}, {name}"  # a part of a part
    if _PROFIT.search(text) and not _SALES.search(text):
        if re.search(r"gains|loss|interest|income|expense|tax|before|corporate|unallocated", label):
            return None, None  # what leads from the segments' income to the company's
        return "operating_income", name
    if _SALES.search(text) and not _PROFIT.search(text):
        return "revenue", name
    return None, None


def _period(
    column: Column, table: Table, row: Row, name: str | None, calendar: Calendar, document: Document
) -> Period | None:
    """Return the column's period when heading, statement and calendar together leave no doubt."""
    if column.year is None:
        return None
    label = column.text
    if column.quarter is not None:
        return Period("quarter", column.year, column.quarter, 3, None, None, label)
    balance = table.statement == "balance" or column.asof
    entry = concept(name) if name else None
    if column.month is not None and column.day is not None:
        end = _day(column)
        if end is None:
            return None
        if column.group and table.statement is None and concept_of(row.label, row.path, "Balance Sheets"):
            return calendar.instant(end, label)  # total assets of a segment, among the flows of its year
        if column.months and not balance:
            if _opening(row.label):
                return None
            if table.statement is None and (_ASSETS.fullmatch(row.label) or _ASSETS.fullmatch("".join(row.path[-1:]))):
                return calendar.instant(end, label)
            return calendar.instant(end, label) if _closing(row.label) else calendar.duration(column.months, end, label)
        if table.statement in ("income", "cash", "comprehensive") or re.search(r"\bended\b", table.intro[-160:]):
            return None  # a flow whose length is not printed beside it
        flow = bool(_FLOW.search(table.title))
        dates = {(c.year, c.month, c.day) for c in table.columns if not c.change}
        several = sum(not c.change for c in table.columns) > 2 and len(dates) > 1
        if entry is not None and entry.period == "duration":
            year = calendar.duration(12, end, label)
            return year if not balance and several and _annual(document) and year.kind == "year" else None
        if not balance and (flow or several):
            # Balances come in twos. Three bare fiscal year ends under a title that names a flow are years.
            whole = flow and several and _annual(document)
            if not whole or _opening(row.label) or _closing(row.label):
                return None
            year = calendar.duration(12, end, label)
            return year if year.kind == "year" else None
        return calendar.instant(end, label)
    if _opening(row.label):
        return None
    standing = entry is not None and entry.period == "instant"
    if table.statement is None and column.months is None:
        standing = (
            standing or concept_of(row.label, row.path, "Balance Sheets") is not None or bool(_STOCK.match(row.label))
        ) or bool(_ASSETS.fullmatch("".join(row.path[-1:])))
    if balance or standing or (_closing(row.label) and _annual(document)):
        return calendar.year_end(column.year, label)
    if column.months in (12, None) and _annual(document):
        return calendar.year(column.year, label)
    return None


def _day(column: Column) -> date | None:
    assert column.month is not None
    assert column.year is not None
    names = ("", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
    return day_of(names[column.month], str(column.day), column.year)


def _annual(document: Document) -> bool:
    """Whether a bare year in the document means a fiscal year (a quarterly report may mean a quarter of it)."""
    return document.fiscal_quarter is None and (document.form or "10-K").upper() not in ("10-Q", "8-K", "6-K")


def _opening(label: str) -> bool:
    return bool(re.search(r"\bbeginning\b", label, re.IGNORECASE))


def _closing(label: str) -> bool:
    return bool(re.search(r"\bending\b|\bend of\b|\b(?:period|year) end\b", label, re.IGNORECASE))


def with_known_on(figures: Sequence[Figure], day: date) -> list[Figure]:
    """Return the figures as known from `day` on; for documents whose filing date is learnt later."""
    return [replace(figure, known_on=day) for figure in figures]
