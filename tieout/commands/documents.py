"""`search`, `ingest`, `documents` and `reindex`: the library."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.commands import terminal
from tieout.commands.shell import DONE, USAGE, Json
from tieout.commands.shell import desk as open_desk

if TYPE_CHECKING:
    from tieout.model import Hit
    from tieout.ports import IngestOutcome

app = typer.Typer(no_args_is_help=True, help="List and remove documents.")


def search(
    query: Annotated[str, typer.Argument(help="Words to look for.")],
    limit: Annotated[int, typer.Option("-k", "--limit", help="How many hits.")] = 10,
    document: Annotated[str | None, typer.Option("--document", "-d", help="Id, file name or title.")] = None,
    as_json: Json = False,
) -> None:
    """Search the library; each hit is a span that can be shown on its page."""
    with open_desk() as (desk, who):
        hits = desk.search(who, query, limit=limit, document=document)
    if as_json:
        terminal.show_json({"hits": [hit_object(hit) for hit in hits]})
        return
    if not hits:
        terminal.say("Nothing found. `tieout documents list` shows what the library has.")
    for hit in hits:
        page = hit.span.page_label or hit.span.page
        terminal.show(terminal.line(f"{hit.score:.3f}  {hit.span.document}, p. {page}  {hit.heading}"))
        quote = terminal.line(hit.span.quote)
        terminal.paragraphs(quote if len(quote) <= 300 else quote[:299] + "…")
        terminal.show()


def hit_object(hit: Hit) -> dict[str, object]:
    """Return a hit as `tieout search --json` prints it."""
    span = hit.span
    return {
        "document": span.document_id,
        "title": span.document,
        "page": span.page,
        "page_label": span.page_label,
        "start": span.start,
        "end": span.end,
        "score": hit.score,
        "text": span.quote,
    }


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders: PDF, HTML, Markdown, text.")],
    as_json: Json = False,
) -> None:
    """Read files into the library; what is there already is quick, a bad file is skipped and named."""
    with open_desk() as (desk, who):
        outcomes = desk.ingest(who, paths, progress=None if as_json else _tell)
    counts = dict.fromkeys(("added", "updated", "unchanged", "refused"), 0)
    for outcome in outcomes:
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
    if as_json:
        terminal.show_json({"files": [_outcome_object(outcome) for outcome in outcomes], **counts})
    else:
        terminal.show(", ".join(f"{count} {status}" for status, count in counts.items()) + ".")
    raise typer.Exit(DONE if len(outcomes) > counts["refused"] else USAGE)


def _tell(outcome: IngestOutcome, done: int, total: int) -> None:
    reason = f": {outcome.reason}" if outcome.reason else ""
    text = terminal.line(f"{done}/{total} {outcome.name} {outcome.status}{reason}")
    print(text, file=sys.stderr)


def _outcome_object(outcome: IngestOutcome) -> dict[str, object]:
    document = outcome.document
    return {
        "name": outcome.name,
        "status": outcome.status,
        "reason": outcome.reason,
        "document": document.id if document else None,
        "title": document.title if document else None,
        "pages": document.page_count if document else None,
    }


@app.command("list")
def list_documents(as_json: Json = False) -> None:
    """List all documents with what was recognised in them."""
    from tieout import codec

    with open_desk() as (desk, who):
        documents = desk.documents(who)
    if as_json:
        terminal.show_json({"documents": [codec.dump(one) | {"title": one.title} for one in documents]})
        return
    if not documents:
        terminal.say("The library is empty. `tieout ingest FILE...` adds documents, `tieout demo` the sample pack.")
        return
    rows = [
        (one.name, one.ticker or one.company, one.form, _period(one.fiscal_year, one.fiscal_quarter), one.page_count)
        for one in documents
    ]
    terminal.show_table(("Document", "Company", "Form", "Period", "Pages"), rows, right=("Pages",))


def _period(year: int | None, quarter: int | None) -> str:
    return "" if year is None else f"FY{year}" + (f" Q{quarter}" if quarter else "")


@app.command("remove")
def remove_document(
    reference: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Id, file name or title.")],
    as_json: Json = False,
) -> None:
    """Remove a document with its vectors and its file."""
    from tieout import codec

    with open_desk() as (desk, who):
        removed = desk.remove_document(who, reference)
    if as_json:
        terminal.show_json({"removed": codec.dump(removed)})
    else:
        terminal.show(f"Removed {removed.name}.")


def reindex(as_json: Json = False) -> None:
    """Rebuild all vectors from the state of record."""
    with open_desk() as (desk, who):
        chunks = desk.reindex(who)
    if as_json:
        terminal.show_json({"chunks": chunks})
    else:
        terminal.show(f"Indexed {chunks} chunks.")
