"""Bad input as users meet it: the exit code says its kind, one line says why, nothing half-written remains."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from tests.support.command import Outcome, Tieout

DONE, USAGE, ANSWER, FAILED = 0, 2, 3, 5
KEPT = {"tieout.db-wal", "tieout.db-shm", "folder.lock", "owner.json"}


@pytest.fixture(scope="module")
def tieout(tmp_path_factory: pytest.TempPathFactory) -> Tieout:
    """Give the command over a folder with one document and one price series, and bad files to try."""
    folder = tmp_path_factory.mktemp("bad")
    tieout = Tieout(folder / "home", folder)
    (folder / "note.md").write_text("# Apple Inc.\n\nApple sells phones. Net sales were discussed elsewhere.\n")
    (folder / "good.csv").write_text("Date,AAPL\n" + "".join(f"2024-01-{day:02},{180 + day}\n" for day in range(2, 30)))
    (folder / "other.md").write_text("# Microsoft Corporation\n\nMicrosoft Corporation sells software.\n")
    assert tieout("ingest", "note.md", "other.md").code == DONE
    assert tieout("market", "import", "good.csv", "--adjustment", "none").code == DONE
    _bad_files(folder)
    return tieout


def _bad_files(folder: Path) -> None:
    (folder / "empty").mkdir()
    Image.new("RGB", (40, 40), "white").save(folder / "picture.png")
    scanned = Canvas(str(folder / "scanned.pdf"))
    scanned.drawImage(str(folder / "picture.png"), 72, 600, 200, 200)
    scanned.save()
    locked = Canvas(str(folder / "encrypted.pdf"), encrypt=StandardEncryption("secret", ownerPassword="owner"))
    locked.drawString(72, 700, "Nobody reads this")
    locked.save()
    whole = Canvas(str(folder / "whole.pdf"))
    whole.drawString(72, 700, "This file will be cut off")
    whole.save()
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 8)
    (folder / "nothing.pdf").write_bytes(b"")
    (folder / "picture.xyz").write_bytes(b"\x00\x01")
    (folder / "torn.csv").write_text("Date,AAPL\n2024-02-01,185.1\n2024-02-02,186.2\n2024-02-05,18")
    (folder / "torn-row.csv").write_text("Date,AAPL,MSFT\n2024-02-01,185.1,400\n2024-02-02,186.2,401\n2024-02-")
    (folder / "words.csv").write_text("Date,AAPL\n2024-02-01,185.1\n2024-02-02,many\n")
    (folder / "empty.csv").write_text("")
    (folder / "heading.csv").write_text("Date,AAPL\n")
    (folder / "dangling.csv").symlink_to(folder / "gone.csv")
    (folder / "dangling.pdf").symlink_to(folder / "gone.pdf")


def tree(tieout: Tieout) -> set[str]:
    """Return all files of the data folder except those that come and go with a command."""
    found = (path for path in tieout.home.rglob("*") if path.is_file() and path.name not in KEPT)
    names = {str(path.relative_to(tieout.home)) for path in found}
    return {name for name in names if not name.startswith(("vectors/", "alive/"))}  # the index tidies up as it opens


def content(tieout: Tieout) -> tuple[object, object]:
    """Return the documents and the series."""
    return tieout("documents", "list", "--json").json, tieout("market", "list", "--json").json


def one_line(outcome: Outcome) -> str:
    """Return the error that people see: exactly one line that begins with Error."""
    lines = [line for line in outcome.err.splitlines() if line.startswith("Error")]
    assert len(lines) == 1, outcome.err
    assert "Traceback" not in outcome.err
    return lines[0]


REFUSED = {
    "unknown ticker": (("research", "How did it do?", "--ticker", "QQXZ"), "QQXZ"),
    "as of before the first bar": (
        ("research", "How did the stock of AAPL do?", "-t", "AAPL", "--as-of", "1980-01-02"),
        "1980",
    ),
    "as of in the future": (("research", "How did AAPL do?", "-t", "AAPL", "--as-of", "2999-01-01"), "2999-01-01"),
    "no day at all": (("research", "How did AAPL do?", "--as-of", "2023-02-30"), ""),
    "empty question": (("research", "  "), "question"),
    "empty folder": (("ingest", "empty"), "empty"),
    "absent file": (("ingest", "absent.pdf"), "absent.pdf"),
    "dangling link": (("ingest", "dangling.pdf"), "dangling.pdf"),
    "absent price file": (("market", "import", "absent.csv"), "absent.csv"),
    "dangling price file": (("market", "import", "dangling.csv"), "dangling.csv"),
    "a folder as a price file": (("market", "import", "empty"), "empty"),
    "a price file with a torn last row": (("market", "import", "torn-row.csv", "--adjustment", "none"), "4"),
    "a price that is a word": (("market", "import", "words.csv", "--adjustment", "none"), "3"),
    "an empty price file": (("market", "import", "empty.csv"), "empty.csv"),
    "a price file without rows": (("market", "import", "heading.csv"), "heading.csv"),
    "unknown document": (("documents", "remove", "no-such"), "no-such"),
    "search in an unknown document": (("search", "sales", "--document", "no-such"), "no-such"),
    "check of an absent draft": (("check", "absent.md"), "absent.md"),
    "unknown run": (("runs", "resume", "run_none"), "run_none"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_with_one_line_and_nothing_written(tieout: Tieout, case: str) -> None:
    arguments, word = REFUSED[case]
    before = tree(tieout)
    outcome = tieout(*arguments, "--json")
    assert outcome.code == USAGE, outcome.out + outcome.err
    assert set(outcome.json) == {"error"}
    assert word in (outcome.json["error"]["message"] if word else outcome.err)
    if word:
        assert word in one_line(outcome)
    assert tree(tieout) == before


@pytest.mark.parametrize("name", ["scanned.pdf", "encrypted.pdf", "broken.pdf", "nothing.pdf", "picture.xyz"])
def test_a_document_that_cannot_be_read_is_named_with_its_reason(tieout: Tieout, name: str) -> None:
    before = content(tieout), tree(tieout)
    outcome = tieout("ingest", name, "--json")
    assert outcome.code == USAGE
    said = outcome.out + outcome.err
    assert name in said
    assert "Traceback" not in said
    if "files" in outcome.json:
        (file,) = outcome.json["files"]
        assert (file["status"], file["document"]) == ("refused", None)
        assert len(file["reason"]) > 10
    assert (content(tieout), tree(tieout)) == before


def test_reasons_tell_a_scan_from_an_encrypted_and_a_broken_file(tieout: Tieout) -> None:
    outcome = tieout("ingest", "scanned.pdf", "encrypted.pdf", "broken.pdf", "note.md", "--json")
    assert outcome.code == DONE  # the good one is in
    reasons = {file["name"]: file["reason"] for file in outcome.json["files"]}
    assert "text" in reasons["scanned.pdf"]
    assert "encrypted" in reasons["encrypted.pdf"] or "password" in reasons["encrypted.pdf"]
    assert len({reasons[name] for name in ("scanned.pdf", "encrypted.pdf", "broken.pdf")}) == 3
    assert reasons["note.md"] == ""


def test_a_csv_with_a_torn_last_line_is_not_half_imported(tieout: Tieout) -> None:
    """`18` may be the beginning of 186.2: a last line without an end is refused with file and line."""
    before = content(tieout)
    outcome = tieout("market", "import", "torn.csv", "--adjustment", "none", "--vendor", "torn")
    assert outcome.code == USAGE, outcome.out
    assert "torn.csv" in one_line(outcome)
    assert "4" in one_line(outcome)
    assert content(tieout) == before


def test_a_question_that_names_no_company_is_asked_back(tieout: Tieout) -> None:
    outcome = tieout("research", "How did revenue change last year?", "--json")
    assert (outcome.code, outcome.json["status"]) == (ANSWER, "needs_answer")
    assert "?" in outcome.json["answer"]
    assert outcome.json["claims"] == []
    told = tieout("research", "How did revenue change last year?")
    assert told.code == ANSWER
    assert outcome.json["answer"].split()[0] in told.out


def test_an_unknown_company_is_said_to_be_not_found(tieout: Tieout) -> None:
    outcome = tieout("research", "What was the revenue of Zzyzx Holdings in fiscal 2022?", "--json")
    assert outcome.code in {USAGE, ANSWER}
    said = outcome.json["answer"] if outcome.code == ANSWER else outcome.json["error"]["message"]
    assert "Zzyzx" in said or "company" in said.lower()


# ---------------------------------------------------------------- a full disk


@pytest.fixture
def full(tieout: Tieout, tmp_path: Path) -> Iterator[Tieout]:
    """Give a copy of the folder on a disk that is nearly full; without the right to mount one, files may not grow."""
    disk = tmp_path / "disk"
    disk.mkdir()
    size = sum(path.stat().st_size for path in tieout.home.rglob("*") if path.is_file())
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size + 700_000}", "tmpfs", str(disk)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        shutil.copytree(tieout.home, disk / "home")
        yield replace(tieout, home=disk / "home")
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(disk)], check=True)


def _no_growth() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))


def _limits(tieout: Tieout) -> dict[str, object]:
    return {} if os.path.ismount(tieout.home.parent) else {"preexec_fn": _no_growth}


def test_a_full_disk_ends_an_import_and_leaves_nothing_of_it(full: Tieout) -> None:
    rows = "".join(
        f"{year}-{month:02}-{day:02},{year + month / 7 + day / 31:.9f},{year * day / 1.7:.9f}\n"
        for year in range(1900, 2020)
        for month in range(1, 13)
        for day in range(1, 29)
    )
    (full.folder / "large.csv").write_text("Date,KO,PEP\n" + rows)
    before = content(full)
    outcome = full("market", "import", "large.csv", "--adjustment", "none", "--json", **_limits(full))
    assert outcome.code == FAILED, outcome.out + outcome.err
    assert outcome.json["error"]["kind"] == "StorageFull"
    assert "full" in one_line(outcome)
    assert content(full) == before


def test_a_full_disk_ends_an_ingestion_and_leaves_nothing_of_it(full: Tieout) -> None:
    words = " ".join(f"Sentence {number} speaks of sales {number * 7919 % 10007}." for number in range(60_000))
    (full.folder / "large.md").write_text(f"# Large\n\n{words}\n")
    before = content(full)
    outcome = full("ingest", "large.md", "--json", **_limits(full))
    assert outcome.code in {USAGE, FAILED}, outcome.out + outcome.err
    assert "full" in outcome.out + outcome.err
    assert "Traceback" not in outcome.err
    assert content(full) == before
    assert full("search", "Apple phones", "--json").json["hits"]


# ---------------------------------------------------------------- a locked folder


def test_a_locked_data_folder_names_its_owner_and_what_to_do(tieout: Tieout) -> None:
    from tieout.runtime import acquire

    lock = acquire(tieout.home)
    try:
        outcome = tieout("documents", "list", "--json")
    finally:
        lock.release()
    assert outcome.code == FAILED
    assert outcome.json["error"]["kind"] == "FolderLocked"
    assert str(os.getpid()) in one_line(outcome)
    assert "tieout up" in one_line(outcome)
    assert tieout("documents", "list", "--json").code == DONE
