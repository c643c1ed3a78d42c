"""`check`: tie out a text that somebody else wrote."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tieout.commands import terminal
from tieout.commands.shell import DONE, NEEDS_REVIEW, Json
from tieout.commands.shell import desk as open_desk


def check(
    draft: Annotated[str, typer.Argument(help="A Markdown or text file; - reads standard input.")],
    document: Annotated[
        list[Path] | None,
        typer.Option("--document", "-d", help="A file that it may rest on, also outside the library."),
    ] = None,
    ticker: Annotated[list[str] | None, typer.Option("--ticker", "-t", help="A company that it is about.")] = None,
    as_json: Json = False,
) -> None:
    """Tie out the numbers of a draft: exit 0 when all tie, 4 when some are open or contradicted."""
    text = _read(draft)
    with open_desk() as (desk, who):
        checked = desk.check(who, text, documents=document or (), tickers=ticker or ())
    if as_json:
        terminal.show_json(checked)
    else:
        _show(checked)
    counts = checked["ledger"]
    raise typer.Exit(DONE if counts["tied"] == counts["numbers"] else NEEDS_REVIEW)


def _read(draft: str) -> str:
    from tieout.errors import InvalidInput

    if draft == "-":
        data = sys.stdin.buffer.read()
    elif not Path(draft).is_file():
        raise InvalidInput(f"There is no file {draft}.")
    else:
        data = Path(draft).read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{draft} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from error


def _show(checked: Mapping[str, Any]) -> None:
    counts = checked["ledger"]
    rows = [(number["status"], number["text"], _reason(number)) for number in checked["numbers"]]
    terminal.show_table(("Status", "Number", "Source or reason"), rows)
    terminal.show(
        f"{counts['numbers']} numbers: {counts['tied']} tied, {counts['open']} open, "
        f"{counts['contradicted']} contradicted."
    )


def _reason(number: Mapping[str, Any]) -> str:
    source = number.get("source")
    if not source:
        return str(number.get("reason") or "no source found")
    if source.get("kind") == "fact":
        return f"computed: {source.get('snapshot')}"
    place = f"{source.get('document')}, p. {source.get('page_label') or source.get('page')}"
    return f"{place}: {source.get('quote') or ''}"[:160]
