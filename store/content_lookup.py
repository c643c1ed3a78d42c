"""Chooses the document that a person means: by id, by file name, or by title, the same in every content store."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from tieout.errors import NeedsAnswer, NotFound
from tieout.model import Document


def choose_document(documents: Sequence[Document], reference: str) -> Document:
    """Return the one document with that id, else file name, else title, else the same in other case.

    Raises NotFound naming close matches, NeedsAnswer when several documents share the title.
    """
    folded = reference.strip().casefold()
    for named in (
        [found for found in documents if found.id == reference],
        [found for found in documents if found.name == reference],
        [found for found in documents if reference in (found.title, found.name.rsplit(".", 1)[0])],
        [found for found in documents if folded in (found.name.casefold(), found.title.casefold())],
        [found for found in documents if found.name.rsplit(".", 1)[0].casefold() == folded],
    ):
        if len(named) == 1:
            return named[0]
        if named:
            names = ", ".join(sorted(found.name for found in named))
            raise NeedsAnswer(f"several documents are called {reference!r}: {names}. Which one?", choices=names)
    close = difflib.get_close_matches(reference, [found.name for found in documents], n=3, cutoff=0.4)
    hint = f"; did you mean {', '.join(close)}?" if close else "; `tieout documents list` shows what there is"
    raise NotFound(f"no document is called {reference!r}{hint}")
