"""An ingestion killed at any point leaves nothing half-visible, and the next call finishes it."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.providers.embeddings import StaticEmbedder
from pipelines.registry.registry import CompanyRegistry
from pipelines.retrieval.library import DocumentLibrary
from store.blobs import FolderBlobStore
from store.content import SqlContentStore
from store.database import open_database
from store.vectors.edge import EdgeVectorIndex
from tieout.model import Principal

ANN = Principal("ann", "desk")
ROOT = Path(__file__).parents[3]
SCRIPT = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import tests_killed_helper as helper
home, folder, victim, nth = Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])
library, parts = helper.open_library(home)
owner, method = victim.split(".")
real, calls = getattr(parts[owner], method), [0]
def deadly(*arguments, **options):
    calls[0] += 1
    if calls[0] == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)
setattr(parts[owner], method, deadly)
library.ingest(helper.ANN, [folder])
"""
HELPER = """
from store.blobs import FolderBlobStore
from store.content import SqlContentStore
from store.database import open_database
from store.vectors.edge import EdgeVectorIndex
from pipelines.providers.embeddings import StaticEmbedder
from pipelines.registry.registry import CompanyRegistry
from pipelines.retrieval.library import DocumentLibrary
from tieout.model import Principal
ANN = Principal("ann", "desk")
def open_library(home):
    database = open_database(f"sqlite:///{home / 'tieout.db'}")
    content = SqlContentStore(database)
    index = EdgeVectorIndex(home / "vectors", 256)
    blobs = FolderBlobStore(home / "blobs")
    library = DocumentLibrary(content, blobs, index, StaticEmbedder(), CompanyRegistry(content), workers=0)
    return library, {"content": content, "index": index, "blobs": blobs}
"""


@pytest.mark.parametrize(
    ("victim", "nth"),
    [("blobs.put", 2), ("content.put_document", 2), ("index.upsert", 2), ("content.mark_indexed", 2)],
)
def test_a_killed_ingestion_is_finished_by_the_next(tmp_path: Path, victim: str, nth: int) -> None:
    folder, home, code = tmp_path / "in", tmp_path / "home", tmp_path / "code"
    for made in (folder, home, code):
        made.mkdir()
    (code / "tests_killed_helper.py").write_text(HELPER)
    for number in range(3):
        (folder / f"{number}.md").write_text(f"# Note {number}\n\nAbout widgets of kind {number}.\n")
    arguments = [str(code), str(home), str(folder), victim, str(nth)]
    killed = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], cwd=ROOT, check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()

    database = open_database(f"sqlite:///{home / 'tieout.db'}")
    content = SqlContentStore(database)
    assert [one.name for one in content.list_documents(ANN)] == ["0.md"]
    index = EdgeVectorIndex(home / "vectors", 256)
    library = DocumentLibrary(
        content, FolderBlobStore(home / "blobs"), index, StaticEmbedder(), CompanyRegistry(content), workers=0
    )
    library.ingest(ANN, [folder])
    documents = library.documents(ANN)
    assert [one.name for one in documents] == ["0.md", "1.md", "2.md"]
    points = sum(len(content.chunks(ANN, one.id)) + one.page_count for one in documents)
    assert index.count(ANN) == points
    assert library.search(ANN, "widgets of kind 2", limit=1)[0].span.document == "Note 2"
    index.close()
    database.close()
