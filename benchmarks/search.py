"""Claim: the right page of a filing is among the first five hits for most questions an analyst asks.

Prints recall at 1 and 5 and the mean reciprocal rank of the first right page over written-down questions, with
the time of a query. The folder of filings is given as an argument (default: ../shared/data/filings beside the
checkout).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from pipelines.providers.embeddings import StaticEmbedder
from pipelines.registry.registry import CompanyRegistry
from pipelines.retrieval.library import DocumentLibrary
from store.blobs import FolderBlobStore
from store.content import SqlContentStore
from store.database import open_database
from store.vectors.edge import EdgeVectorIndex
from tieout.model import Principal

HERE = Path(__file__).parent
FILINGS = HERE.parent.parent / "shared" / "data" / "filings"
SAMPLE = HERE.parent / "tieout" / "sample_pack"
READER = Principal("benchmark", "default")
DEEPEST = 20


def questions(folder: Path, *, quick: bool) -> tuple[list[Path], list[tuple[str, dict[str, list[int]]]]]:
    """Return the files to ingest and the questions that they answer."""
    files = {path.stem: path for path in sorted(folder.rglob("*.pdf"))}
    asked = [
        (text, right) for text, right in json.loads((HERE / "questions.json").read_text()) if set(right) & set(files)
    ]
    if quick:
        asked = [(text, right) for text, right in asked if any(name.startswith("APPLE") for name in right)] or asked[
            :10
        ]
    needed = {name for _, right in asked for name in right}
    return [path for name, path in files.items() if not quick or name in needed], asked


def first_right(library: DocumentLibrary, text: str, right: dict[str, list[int]]) -> tuple[int, float, str]:
    """Return the rank of the first right page (0: none of the first 20), the seconds it took, and the first hits."""
    began = time.perf_counter()
    hits = library.search(READER, text, limit=DEEPEST)
    seconds = time.perf_counter() - began
    places = [(hit.span.document, hit.span.page) for hit in hits]
    rank = next((rank for rank, (name, page) in enumerate(places, 1) if page in right.get(name, ())), 0)
    return (
        rank,
        seconds,
        " ".join(f"{name.split('_')[0].lower()}{name.split('_')[1][:4]}:{page}" for name, page in places[:5]),
    )


def main() -> None:
    """Ingest into a temporary folder, ask, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FILINGS if FILINGS.is_dir() else SAMPLE)
    parser.add_argument("--quick", action="store_true", help="only one company's filings")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    files, asked = questions(options.folder, quick=options.quick)
    if not asked:
        sys.exit(f"no filing that the questions are about lies in {options.folder}")
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        database = open_database(f"sqlite:///{home / 'tieout.db'}")
        content = SqlContentStore(database)
        index = EdgeVectorIndex(home / "vectors", StaticEmbedder.dimensions)
        library = DocumentLibrary(
            content, FolderBlobStore(home / "blobs"), index, StaticEmbedder(), CompanyRegistry(content)
        )
        library.ingest(READER, files)
        library.search(READER, "warm up")
        results = [(text, *first_right(library, text, right)) for text, right in asked]
        index.close()
        database.close()
    ranks = [rank for _, rank, _, _ in results]
    times = sorted(seconds * 1000 for _, _, seconds, _ in results)
    numbers = {
        "questions": len(ranks),
        "recall_at_1": round(sum(rank == 1 for rank in ranks) / len(ranks), 3),
        "recall_at_5": round(sum(0 < rank <= 5 for rank in ranks) / len(ranks), 3),
        "mrr": round(statistics.mean(1 / rank if rank else 0.0 for rank in ranks), 3),
        "query_p50_ms": round(times[len(times) // 2], 1),
        "query_max_ms": round(times[-1], 1),
    }
    if options.json:
        print(json.dumps(numbers))
        return
    for text, rank, seconds, shown in results:
        print(f"{rank or '-':>3} {seconds * 1000:6.0f} ms  {text[:74]:<74}  {shown}")
    print()
    for label, number in numbers.items():
        print(f"{label:<14} {number}")


if __name__ == "__main__":
    main()
