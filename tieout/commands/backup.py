"""`backup` and `restore`: the whole installation as one file, and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.commands import shell, terminal
from tieout.commands.shell import DONE, FAILED, Json
from tieout.commands.shell import desk as open_desk

if TYPE_CHECKING:
    from tieout.ports.backup import BackupSummary, Finding

_SHOWN = 20


def backup(
    target: Annotated[Path, typer.Argument(help="A new file such as desk.tar.gz, or a folder for one.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Make none: check the backup that TARGET is, from end to end.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write everything (records, files, prices) to one file, while all goes on."""
    from tieout import codec

    if verify:
        raise typer.Exit(_verify(target, as_json=as_json))
    with open_desk() as (desk, who):
        made = desk.backup(who, target)
    if as_json:
        terminal.show_json({"backup": codec.dump(made)})
        return
    terminal.show(f"Backed up to {made.path} ({_megabytes(made)}): {_contents(made)}.")


def restore(
    source: Annotated[Path, typer.Argument(help="A file that `tieout backup` made.")],
    as_json: Json = False,
) -> None:
    """Put a backup into an empty data folder (and database); unfinished runs go on at the next start."""
    from tieout import codec
    from tieout.bootstrap import restore_backup
    from tieout.ports.backup import Finding

    settings = shell.settings()
    restored = restore_backup(settings, source.expanduser().absolute())
    made, findings = restored.backup, restored.findings
    if as_json:
        found = codec.dump(findings, list[Finding])
        terminal.show_json({"backup": codec.dump(made), "findings": found, "chunks": restored.chunks})
        return
    terminal.show(
        f"Restored the backup of {made.created_at:%Y-%m-%d %H:%M} UTC to {settings.folder}: {_contents(made)}."
    )
    if restored.chunks is None:
        terminal.say("The search index could not be written; the first search does it, or `tieout reindex`.")
    _show(findings)


def _verify(source: Path, *, as_json: bool) -> int:
    from tieout import codec
    from tieout.bootstrap import verify_backup
    from tieout.ports.backup import Finding

    made, findings = verify_backup(source.expanduser().absolute())
    if as_json:
        terminal.show_json({"backup": codec.dump(made), "findings": codec.dump(findings, list[Finding])})
    else:
        terminal.show(f"{made.path} is whole ({_megabytes(made)}, schema {made.revision}): {_contents(made)}.")
        _show(findings)
    return FAILED if findings else DONE


def _show(findings: Sequence[Finding]) -> None:
    if not findings:
        return
    terminal.show("What its records say does not go together:")
    for finding in findings[:_SHOWN]:
        terminal.show(f"  {terminal.line(finding)}")
    if len(findings) > _SHOWN:
        terminal.show(f"  and {len(findings) - _SHOWN} more")


def _contents(made: BackupSummary) -> str:
    counts = made.counts
    files = counts.get("artifacts files", 0) + counts.get("originals files", 0)
    return f"{counts.get('runs', 0)} runs, {counts.get('documents', 0)} documents, {files} files"


def _megabytes(made: BackupSummary) -> str:
    return f"{made.size / 1e6:.1f} MB"
