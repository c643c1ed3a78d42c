"""Claim: a folder of filings is read, cut, embedded and searchable at 200 pages a second on two cores, under 1 GB.

`text_pages_per_s` is reading and cutting in one process (one core). `all_pages_per_s` is everything, from files to
hits out of Qdrant Edge, start of the reading processes and of the embedding model included. `peak_mb` is the most
memory that the process held, plus the reading processes' (each counted as the largest of them). The folder is given
as an argument (default: ../shared/data/filings beside the checkout, else the sample pack).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from pipelines.ingest.parsed import parse
from pipelines.providers.embeddings import StaticEmbedder
from pipelines.registry.registry import CompanyRegistry
from pipelines.retrieval.library import DocumentLibrary
from store.blobs import FolderBlobStore
from store.content import SqlContentStore
from store.database import open_database
from store.vectors.edge import EdgeVectorIndex
from tieout.model import Principal

CHECKOUT = Path(__file__).parent.parent
FILINGS = CHECKOUT.parent / "shared" / "data" / "filings"
SAMPLE = CHECKOUT / "tieout" / "sample_pack"
OWNER = Principal("benchmark", "default")


def ingest_all(files: list[Path], workers: int) -> tuple[int, int, float, float]:
    """Ingest into a fresh folder and search once; return pages, chunks, seconds and processor seconds."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        database = open_database(f"sqlite:///{home / 'tieout.db'}")
        content = SqlContentStore(database)
        began, used = time.perf_counter(), sum(os.times()[:4])
        embedder = StaticEmbedder()
        index = EdgeVectorIndex(home / "vectors", embedder.dimensions)
        library = DocumentLibrary(
            content, FolderBlobStore(home / "blobs"), index, embedder, CompanyRegistry(content), workers=workers
        )
        outcomes = library.ingest(OWNER, files)
        refused = [f"{outcome.name}: {outcome.reason}" for outcome in outcomes if outcome.status == "refused"]
        if refused or not library.search(OWNER, "consolidated balance sheets total assets"):
            sys.exit("the library is not searchable: " + "; ".join(refused))
        seconds = time.perf_counter() - began
        pages = sum(outcome.document.page_count for outcome in outcomes if outcome.document)
        chunks = sum(len(content.chunks(OWNER, outcome.document.id)) for outcome in outcomes if outcome.document)
        index.close()
        database.close()
    return pages, chunks, seconds, sum(os.times()[:4]) - used


def read_text(files: list[Path]) -> float:
    """Return pages a second of reading and cutting in this process."""
    began = time.perf_counter()
    pages = sum(len(parse(path.name, path.read_bytes()).file.pages) for path in files)
    return pages / (time.perf_counter() - began)


def main() -> None:
    """Run both and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FILINGS if FILINGS.is_dir() else SAMPLE)
    parser.add_argument("--quick", action="store_true", help="only the first four files")
    parser.add_argument("--workers", type=int, default=2, help="reading processes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    files = sorted(options.folder.rglob("*.pdf"))[: 4 if options.quick else None]
    if not files:
        sys.exit(f"no PDF lies in {options.folder}")
    pages, chunks, seconds, processor = ingest_all(files, options.workers)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    unit = 2**20 if sys.platform == "darwin" else 2**10
    numbers = {
        "files": len(files),
        "pages": pages,
        "chunks": chunks,
        "text_pages_per_s": round(read_text(files), 1),
        "all_pages_per_s": round(pages / seconds, 1),
        "all_processor_s": round(processor, 2),
        "peak_mb": round((own + options.workers * reader) / unit, 1),
    }
    if options.json:
        print(json.dumps(numbers))
        return
    goals = {"text_pages_per_s": "goal 250", "all_pages_per_s": "goal 200, floor 130", "peak_mb": "under 1024"}
    for label, number in numbers.items():
        print(f"{label:<18} {number:>10}  {goals.get(label, '')}")


if __name__ == "__main__":
    main()
