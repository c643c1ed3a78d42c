"""Measures the ledger: how many true statements it ties, and how many subtly false ones it lets through.

Statements are made from the figures of real filings in many phrasings, units and roundings; false ones by
changing one thing in a true one. The hand-written ones were checked against the filings by eye.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipelines.ingest.identity import identify
from pipelines.ingest.reader import read_bytes
from pipelines.ingest.recognise import read_cover
from pipelines.ledger.draft import parse_markdown
from pipelines.ledger.figures import read_figures
from pipelines.ledger.match_book import SourceBook
from pipelines.ledger.tie_out import TieOut
from pipelines.registry.catalog import built_in
from pipelines.registry.lookup import Lookup
from tieout.model import Document, Figure, Page

HERE = Path(__file__).parent
FOLDERS = (HERE / "../../shared/data/filings", HERE / "../tieout/sample_pack/filings", HERE / "../tieout/sample_pack")
HAND_WRITTEN = HERE / "ledger_statements.md"
NAMES = {
    "revenue": ("revenue", "total revenue"),
    "cost_of_revenue": ("cost of sales",),
    "gross_profit": ("gross profit",),
    "r_and_d": ("research and development expense", "R&D spending"),
    "sg_and_a": ("selling, general and administrative expense",),
    "operating_income": ("operating income", "income from operations"),
    "pretax_income": ("income before income taxes", "pre-tax income"),
    "net_income": ("net income",),
    "eps_basic": ("basic earnings per share", "basic EPS"),
    "eps_diluted": ("diluted earnings per share", "diluted EPS"),
    "operating_cash_flow": ("operating cash flow", "cash from operations"),
    "capex": ("capital expenditures", "capital spending"),
    "total_assets": ("total assets",),
    "total_liabilities": ("total liabilities",),
    "current_assets": ("current assets",),
    "current_liabilities": ("current liabilities",),
    "cash": ("cash and cash equivalents",),
    "inventory": ("inventories",),
    "accounts_payable": ("accounts payable",),
    "goodwill": ("goodwill",),
    "long_term_debt": ("long-term debt",),
    "d_and_a": ("depreciation and amortization",),
    "stock_compensation": ("stock-based compensation",),
}
SIMILAR = {
    "operating_income": ("net_income", "pretax_income"),
    "net_income": ("operating_income", "pretax_income"),
    "pretax_income": ("net_income", "operating_income"),
    "eps_basic": ("eps_diluted",),
    "eps_diluted": ("eps_basic",),
    "total_assets": ("current_assets", "total_liabilities"),
    "current_assets": ("total_assets", "current_liabilities"),
    "total_liabilities": ("current_liabilities", "total_assets"),
    "current_liabilities": ("total_liabilities", "accounts_payable"),
    "revenue": ("cost_of_revenue", "gross_profit"),
    "cost_of_revenue": ("revenue", "gross_profit"),
    "gross_profit": ("operating_income", "cost_of_revenue"),
    "operating_cash_flow": ("net_income", "capex"),
    "r_and_d": ("sg_and_a",),
    "sg_and_a": ("r_and_d",),
}
LEVELS = (
    "{C}'s {m} was {v} in fiscal {y}.",
    "In fiscal {y}, {C} reported {m} of {v}.",
    "{C} had {v} of {m} in {y}.",
    "{M} at {C} came to {v} in fiscal {y}.",
    "For {y}, {m} at {C} stood at {v}.",
    "{C} posted {v} in {m} for fiscal {y}.",
    "# {C} in fiscal {y}\n\nThe company's {m} reached {v}.",
    "# {C}\n\n- {M} ({y}): {v}",
    "# {C}\n\n| {u} | {y} |\n|---|---|\n| {M} | {t} |",
)


@dataclass(frozen=True)
class Statement:
    """A text with one number to be judged, and whether it is true. `mutation` names what was changed."""

    text: str
    mutation: str = ""


def book_of(paths: Sequence[Path]) -> SourceBook:
    """Read files into a book of sources."""
    lookup = Lookup(built_in())
    documents, pages, figures, instruments = [], {}, {}, {}
    for path in paths:
        data = path.read_bytes()
        raw = read_bytes(path.name, data)
        who = identify(path.name, read_cover(raw.pages), lookup)
        company = who.instrument
        digest = hashlib.sha256(data).hexdigest()
        document = Document(
            digest[:26], "default", path.name, digest, raw.media_type, len(data), len(raw.pages), datetime.now(UTC), None,
            company.id if company else None, company.name if company else None, company.ticker if company else None,
            who.form, who.fiscal_year, who.fiscal_quarter, who.period_end, who.filed_on,
        )  # fmt: skip
        documents.append(document)
        pages[document.id] = [Page(document.id, p.number, p.text, p.label) for p in raw.pages]
        figures[document.id] = read_figures(document, pages[document.id])
        if company:
            instruments[company.id] = company
    return SourceBook(documents, pages, figures, tuple(instruments.values()), mentioned=lookup.mentioned)


# ---------------------------------------------------------------- printing numbers


def rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def printings(value: Decimal, unit: str) -> list[str]:
    """Return true printings of a value, coarse and fine."""
    if unit == "USD/share":
        return [f"${value:,.2f}"]
    size = abs(value)
    sign = "-" if value < 0 else ""
    shown = []
    if size >= 10**9:
        billions = size / 10**9
        shown += [
            f"{sign}${rounded(billions, 1):,} billion",
            f"{sign}${rounded(billions, 2):,} billion",
            f"{sign}${rounded(billions, 1):,}bn",
        ]
        if billions >= 100:
            shown.append(f"roughly {rounded(billions, 0):,} billion dollars")
    if size >= 10**6:
        shown += [
            f"{sign}${rounded(size / 10**6, 0):,} million",
            f"{sign}{rounded(size / 10**6, 0):,} million",
            f"{sign}${size:,.0f}",
        ]
    return shown or [f"{sign}${size:,}"]


def close(a: Decimal, b: Decimal) -> bool:
    """Say whether two values could pass for each other when printed coarsely."""
    return a == b or abs(abs(a) - abs(b)) <= Decimal("0.012") * max(abs(a), abs(b))


# ---------------------------------------------------------------- making statements


@dataclass(frozen=True)
class Known:
    """A value that is certainly so: one company, measure and fiscal year."""

    company: str
    key: str
    year: int
    concept: str
    figure: Figure


def known_values(book: SourceBook) -> list[Known]:
    """Return one figure per company, concept and year: of the newest document that prints it."""
    found: dict[tuple[str, int, str], Known] = {}
    for entity in book.entities:
        name = min((n for n in entity.names if not n.isupper() or len(n) > 5), key=len, default=entity.names[0])
        for document in entity.documents:
            if document.fiscal_quarter:
                continue
            for figure in book.figures[document.id]:
                period = figure.period
                if figure.concept not in NAMES or figure.dimension or period is None or period.fiscal_year is None:
                    continue
                if period.kind != "year" and not (period.kind == "instant" and period.fiscal_quarter in (None, 4)):
                    continue
                key = (entity.key, period.fiscal_year, figure.concept)
                found.setdefault(key, Known(name, entity.key, period.fiscal_year, figure.concept, figure))
    return list(found.values())


def spoken(known: Known) -> Decimal:
    """Return the value as people say it: a payment is spoken of as a positive amount."""
    value = known.figure.value
    return abs(value) if known.concept in ("capex", "income_tax", "cost_of_revenue") else value


def render(template: str, known: Known, name: str, value: str, cell: str, *, company: str = "", year: int = 0) -> str:
    return template.format(
        C=company or known.company, m=name, M=name[0].upper() + name[1:], v=value, y=year or known.year, t=cell,
        u="(in millions, except per share)" if known.figure.unit == "USD" else "(per share)",
    )  # fmt: skip


def cell_of(value: Decimal, unit: str) -> str:
    if unit == "USD/share":
        return f"{value:.2f}"
    millions = rounded(value / 10**6, 0)
    return f"({-millions:,})" if millions < 0 else f"{millions:,}"


def true_statements(
    all_known: Sequence[Known], dice: random.Random, limit: int
) -> Iterator[tuple[Statement, Known, str, str]]:
    picked = list(all_known)
    dice.shuffle(picked)
    for index, known in enumerate(picked[:limit]):
        template = LEVELS[index % len(LEVELS)]
        name = dice.choice(NAMES[known.concept])
        value = spoken(known)
        if value < 0 and "{t}" not in template:
            continue
        yield (
            Statement(
                render(
                    template,
                    known,
                    name,
                    dice.choice(printings(value, known.figure.unit)),
                    cell_of(known.figure.value if value < 0 else value, known.figure.unit),
                )
            ),
            known,
            template,
            name,
        )


def growth_statements(all_known: Sequence[Known], dice: random.Random, limit: int) -> Iterator[Statement]:
    by = {(k.key, k.year, k.concept): k for k in all_known}
    pairs = [(k, by[k.key, k.year - 1, k.concept]) for k in all_known if (k.key, k.year - 1, k.concept) in by]
    dice.shuffle(pairs)
    for now, before in pairs[:limit]:
        a, b = spoken(now), spoken(before)
        if b <= 0 or a <= 0 or now.figure.document_id != before.figure.document_id:
            continue
        rate = (a - b) / b
        if abs(rate) < Decimal("0.015"):
            continue
        name = dice.choice(NAMES[now.concept])
        verb, wrong = ("rose", "fell") if rate > 0 else ("fell", "rose")
        noun = "increase" if rate > 0 else "decrease"
        shown = f"{rounded(abs(rate) * 100, 1)}%"
        yield Statement(f"{now.company}'s {name} {verb} {shown} in fiscal {now.year}.")
        yield (
            Statement(f"In {now.year}, {name} at {now.company} {verb} by {rounded(abs(rate) * 100, 0)} percent.")
            if abs(rate) > Decimal("0.02")
            else Statement(f"{now.company}'s {name} {verb} {shown} in {now.year}.")
        )
        yield Statement(f"{now.company} saw a {shown} {noun} in {name} in fiscal {now.year}.")
        yield Statement(f"{now.company}'s {name} {wrong} {shown} in fiscal {now.year}.", "direction")
        yield Statement(
            f"{now.company}'s {name} {verb} {rounded(abs(rate) * 100 + Decimal('0.3'), 1)}% in fiscal {now.year}.",
            "growth off",
        )
        if now.figure.unit == "USD" and abs(a - b) > 10**7:
            amount = dice.choice(printings(abs(a - b), "USD"))
            yield Statement(f"{now.company}'s {name} {verb} by {amount} in fiscal {now.year}.")
            yield Statement(f"{now.company}'s {name} {wrong} by {amount} in fiscal {now.year}.", "direction")
            yield Statement(
                f"{now.company}'s {name} {verb} by {printings(abs(a), 'USD')[0]} in fiscal {now.year}.",
                "level as change",
            )


def mutations(
    known: Known,
    template: str,
    name: str,
    by: dict[tuple[str, int, str], Known],
    companies: dict[str, str],
    dice: random.Random,
) -> Iterator[Statement]:
    value, unit = spoken(known), known.figure.unit

    def say(
        other: Decimal, label: str, *, name: str = name, company: str = "", year: int = 0, printed: str = ""
    ) -> Statement:
        return Statement(
            render(
                template,
                known,
                name,
                printed or dice.choice(printings(other, unit)),
                cell_of(other, unit),
                company=company,
                year=year,
            ),
            label,
        )

    for year in (known.year - 1, known.year + 1):
        other = by.get((known.key, year, known.concept))
        if other and not close(spoken(other), value):
            yield say(spoken(other), "other year's column")
            yield say(value, "wrong year", year=year)
    for concept in SIMILAR.get(known.concept, ()):
        other = by.get((known.key, known.year, concept))
        if other and other.figure.unit == unit and not close(spoken(other), value):
            yield say(spoken(other), "similar row")
            yield say(value, "wrong measure name", name=NAMES[concept][0])
    if unit == "USD" and "{t}" not in template and abs(value) >= 10**9:
        yield say(value, "scale", printed=f"${rounded(value / 10**9, 1):,} million")
        yield say(value, "scale", printed=f"${rounded(value / 10**6, 0):,} billion")
        yield say(value, "scale", printed=f"${rounded(value / 10**6, 0):,}")
        yield say(value, "scale", printed=f"${rounded(value / 10**6, 0):,} thousand")
        step = Decimal("0.1")
        yield say(
            value, "rounded wrongly", printed=f"${rounded(value / 10**9, 1) + dice.choice((step, -step)):,} billion"
        )
        yield say(value, "rounded wrongly", printed=f"${rounded(value / 10**6, 0) + dice.choice((1, -1)):,} million")
    if known.concept in ("net_income", "operating_income"):
        yield (
            say(
                value,
                "sign",
                printed=f"-{printings(abs(value), unit)[0]}" if value > 0 else printings(abs(value), unit)[0],
            )
            if "{t}" not in template
            else say(-value, "sign")
        )
        if value > 0 and unit == "USD" and "{t}" not in template:
            yield (
                say(value, "sign", name=name.replace("income", "loss"))
                if name.endswith("income")
                else say(-value, "sign", printed=f"-{printings(value, unit)[0]}")
            )
    for key, company in companies.items():
        if key == known.key:
            continue
        other = by.get((key, known.year, known.concept))
        if other and not close(spoken(other), value):
            yield say(value, "another company", company=company)
            break
    if "Adjusted" not in known.figure.table:
        yield say(value, "narrower measure", name=f"underlying {name}")
    yield say(value, "narrower measure", name=f"hardware {name}")


def hand_written() -> dict[str, list[Statement]]:
    """Return the checked statements by company file name; a line that begins with `x ` is false."""
    found: dict[str, list[Statement]] = defaultdict(list)
    if not HAND_WRITTEN.exists():
        return found
    names = ""
    for line in HAND_WRITTEN.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            names = line[3:].strip()
        elif line.startswith("+ "):
            found[names].append(Statement(line[2:]))
        elif line.startswith("x "):
            found[names].append(Statement(line[2:], "hand-written"))
    return found


# ---------------------------------------------------------------- judging


def judge(book: SourceBook, statement: Statement) -> tuple[list[str], str]:
    """Return the statuses of a statement's numbers and the reasons of those not tied."""
    worker = TieOut(book, own=False)
    numbers = [n for p in parse_markdown(statement.text) for n in worker.claim(p).numbers]
    return [n.status.value for n in numbers], "; ".join(
        n.reason or f"tied: {n.source.quote if n.source else ''}" for n in numbers
    )


def run(*, quick: bool, show: bool, seed: int = 7) -> dict[str, float]:
    """Judge everything; print a table; return the counts."""
    folder = next((f for f in FOLDERS if f.is_dir() and any(f.glob("*.pdf"))), None)
    if folder is None:
        raise SystemExit("No filings found; put PDF filings into tieout/sample_pack.")
    paths = sorted(folder.glob("*.pdf"))
    if quick:
        paths = [p for p in paths if p.name.startswith(("APPLE", "COSTCO", "MICROSOFT_2022"))] or paths[:3]
    dice = random.Random(seed)
    book = book_of(paths)
    all_known = known_values(book)
    by = {(k.key, k.year, k.concept): k for k in all_known}
    companies = {k.key: k.company for k in all_known}
    statements: list[Statement] = []
    for statement, known, template, name in true_statements(all_known, dice, 120 if quick else 600):
        statements.append(statement)
        wrong = list(mutations(known, template, name, by, companies, dice))
        dice.shuffle(wrong)
        statements += wrong[: 4 if quick else 5]
    statements += list(growth_statements(all_known, dice, 25 if quick else 120))
    shipped = {p.stem for p in paths}
    for names, lines in hand_written().items():
        if names and all(name in shipped for name in names.split()):
            statements += lines
    table: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    began = time.perf_counter()
    for statement in statements:
        statuses, reason = judge(book, statement)
        row = table[statement.mutation or "true"]
        row[0] += 1
        if not statuses:
            verdict = "open"
        elif statement.mutation:  # false ones stand when any number is refuted, ties when none is
            verdict = "contradicted" if "contradicted" in statuses else "open" if "open" in statuses else "tied"
        else:
            verdict = "tied" if set(statuses) == {"tied"} else "contradicted" if "contradicted" in statuses else "open"
        row[("tied", "contradicted", "open").index(verdict) + 1] += 1
        if show and (verdict == "tied") == bool(statement.mutation):
            print(f"{statement.mutation or 'true'} → {verdict}: {statement.text!r}\n      {reason}")
    seconds = time.perf_counter() - began
    print(f"{'statement':24}{'all':>6}{'tied':>7}{'contradicted':>14}{'open':>6}")
    for label, row in sorted(table.items(), key=lambda item: (item[0] != "true", item[0])):
        print(f"{label:24}{row[0]:6}{row[1]:7}{row[2]:14}{row[3]:6}")
    true = table["true"]
    false = [sum(row[i] for label, row in table.items() if label != "true") for i in range(4)]
    return {
        "true_statements": true[0], "true_tied": round(true[1] / max(true[0], 1), 4), "true_contradicted": true[2],
        "false_statements": false[0], "false_tied": false[1], "false_contradicted": round(false[2] / max(false[0], 1), 4),
        "statements_per_s": round(len(statements) / seconds, 1),
    }  # fmt: skip


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three companies, under a minute")
    parser.add_argument("--json", action="store_true", help="print one object, name to number")
    parser.add_argument("--show", action="store_true", help="print every statement that was judged wrongly")
    arguments = parser.parse_args()
    if arguments.json:
        import contextlib
        import io

        with contextlib.redirect_stdout(io.StringIO()):
            result = run(quick=arguments.quick, show=False)
        print(json.dumps(result))
        return
    for name, value in run(quick=arguments.quick, show=arguments.show).items():
        print(f"{name:24}{value}")


if __name__ == "__main__":
    main()
