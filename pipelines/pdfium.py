"""Opens PDFs for one thread at a time: pdfium keeps global state, and two threads in it end the process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def opened_pdf(data: bytes) -> Iterator[Any]:
    """Give the `pypdfium2.PdfDocument` of a file's bytes; other threads wait with theirs until the block ends.

    Nothing of the document may be used after the block. Raises pypdfium2.PdfiumError for what is no readable PDF.
    """
    import pypdfium2 as pdfium

    with _ONE_AT_A_TIME:
        pdf = pdfium.PdfDocument(data)
        try:
            yield pdf
        finally:
            pdf.close()
