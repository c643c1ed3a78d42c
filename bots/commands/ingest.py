"""`ingest`: put the files of a message into the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bots.command import Asked, Command, Reply
from bots.inbound import Attachment
from bots.render.document import Button, Document
from bots.render.escape import cell
from pipelines.ingest.reader import KINDS
from tieout.errors import InvalidInput, NotAvailable, TieoutError
from tieout.files import safe_name, write_atomically
from tieout.model import Document as SourceDocument
from tieout.model import Principal
from tieout.ports import IngestOutcome

_MB = 1_000_000
_LARGEST = 50 * _MB  # bytes of one file
_MOST_SHARED = 3
_MOST_AT_ONCE = 10  # a message's files have to be read within one step
_WORDS = {"added": "read", "updated": "read again", "unchanged": "was there already", "refused": "refused"}


def ingest(asked: Asked) -> Reply:
    """Read the attached files; what cannot be read is refused by name, and the rest goes on.

    Safe to do again: a file that is there already stays as it is. Raises InvalidInput without a file, NotAvailable
    where files cannot be downloaded.
    """
    attached = asked.inbound.attachments
    if not attached:
        raise InvalidInput(f"Attach files to the message that says `ingest`: {', '.join(sorted(KINDS))}.")
    if len(attached) > _MOST_AT_ONCE:
        raise InvalidInput(f"{len(attached)} files are too many for one message; attach at most {_MOST_AT_ONCE}.")
    if asked.fetch is None:
        raise NotAvailable("Files cannot be downloaded from this chat; use `tieout ingest` on the machine instead.")
    with TemporaryDirectory(prefix="tieout-ingest-") as folder:
        refused, paths = _downloaded(attached, asked.fetch, Path(folder))
        reader = _reader(asked)
        outcomes = asked.desk.ingest(reader, paths) if paths else []
    rows = [*map(_row, outcomes), *(f"| {cell(name)} | refused: {cell(why)} |" for name, why in refused)]
    lines = ["| File | What became of it |", "|---|---|", *rows]
    own = [one.document for one in outcomes if one.document is not None and one.document.audiences]
    if own:
        who = "only you" if reader.audience == asked.principal.id else "only those who read this channel"
        lines += ["", f"Answers for {who} use what is new of it; `share NAME` opens a document to the whole workspace."]
    return Reply(Document("\n".join(lines), _share_buttons(own)))


def _reader(asked: Asked) -> Principal:
    """Return for whom files are read: all of the workspace when everybody may read here, else those who do."""
    if asked.inbound.place.direct or asked.open_to_all is None:
        return asked.principal
    try:
        return replace(asked.principal, audience="") if asked.open_to_all() else asked.principal
    except TieoutError as error:
        if error.retryable:
            raise
        return asked.principal  # nobody knows who reads here


def _share_buttons(documents: Sequence[SourceDocument]) -> tuple[Button, ...]:
    few = documents[:_MOST_SHARED]
    return tuple(Button(f"Share {one.name}"[:75], f"share:{one.id}") for one in few)


def _downloaded(
    attached: tuple[Attachment, ...], fetch: Callable[[Attachment], bytes], folder: Path
) -> tuple[list[tuple[str, str]], list[Path]]:
    """Download files, each into a folder of its own; return those refused, with the reason, and the paths."""
    refused: list[tuple[str, str]] = []
    paths: list[Path] = []
    for number, one in enumerate(attached):
        try:
            path = folder / str(number) / _checked(one)
            data = fetch(one)
            _check_size(len(data))
            write_atomically(path, data)
            paths.append(path)
        except InvalidInput as error:
            refused.append((one.name, error.message))
        except TieoutError as error:
            if error.retryable:
                raise
            refused.append((one.name, error.message))
    return refused, paths


def _checked(one: Attachment) -> str:
    """Return the file's name. Raises InvalidInput for names, kinds and sizes that are not taken."""
    name = safe_name(one.name)
    if Path(name).suffix.lower() not in KINDS:
        raise InvalidInput(f"files of this kind are not read; known are {', '.join(sorted(KINDS))}")
    _check_size(one.size)
    return name


def _check_size(size: int) -> None:
    if size > _LARGEST:
        raise InvalidInput(f"it has {size / _MB:,.1f} MB; at most {_LARGEST // _MB} MB are taken from a chat")


def _row(outcome: IngestOutcome) -> str:
    said = _WORDS.get(outcome.status, outcome.status)
    if outcome.reason:
        said = f"{said}: {cell(outcome.reason)}"
    elif outcome.document:
        about = " ".join(filter(None, (outcome.document.company, outcome.document.form)))
        said += f", {outcome.document.page_count} pages" + (f" ({cell(about)})" if about else "")
    return f"| {cell(outcome.name)} | {said} |"


COMMAND = Command("ingest", "Put the files attached to the message into the library.", ingest)
