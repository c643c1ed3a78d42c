"""What the doctor says about the parts of an open desk."""

from dataclasses import replace
from pathlib import Path

from pipelines.providers.embeddings import StaticEmbedder
from pipelines.registry.registry import CompanyRegistry
from pipelines.retrieval.library import DocumentLibrary
from store.blobs import MemoryBlobStore
from store.memory_content import MemoryContentStore
from store.vectors.memory import MemoryVectorIndex
from tests.support.desk import memory_desk
from tieout.doctor import examine_desk
from tieout.model import Principal
from tieout.settings import Settings

ANN = Principal("ann", "desk")


def test_vectors_that_are_not_those_of_the_text_are_told(tmp_path: Path) -> None:
    content, index = MemoryContentStore(), MemoryVectorIndex()
    library = DocumentLibrary(content, MemoryBlobStore(), index, StaticEmbedder(), CompanyRegistry(content), workers=0)
    for name in ("one", "two"):
        (tmp_path / f"{name}.md").write_text(f"# {name}\n\nAbout widgets of kind {name}.")
    library.ingest(ANN, [tmp_path])
    with memory_desk(tmp_path / "reports") as made:
        desk = replace(made, parts=replace(made.parts, library=library))

        def state() -> tuple[str, str]:
            checks = {check.name: check for check in examine_desk(Settings(home=tmp_path), ANN, desk)}
            return checks["index"].state, checks["index"].detail

        assert state() == ("ok", "answers")
        index.remove_document(ANN, library.documents(ANN)[1].id)
        assert state() == ("failed", "1 documents have other vectors than their text calls for")
        library.reindex(ANN)
        assert state() == ("ok", "answers")
