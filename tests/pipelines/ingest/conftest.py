"""Makes small PDF files with a real PDF writer."""

from collections.abc import Callable, Sequence
from io import BytesIO

import pytest


@pytest.fixture
def make_pdf() -> Callable[..., bytes]:
    def make(pages: Sequence[Sequence[str]], *, password: str | None = None) -> bytes:
        from reportlab.lib.pdfencrypt import StandardEncryption
        from reportlab.pdfgen import canvas

        buffer = BytesIO()
        sheet = canvas.Canvas(buffer, encrypt=StandardEncryption(password) if password else None)
        for lines in pages:
            for row, line in enumerate(lines):
                sheet.drawString(50, 800 - 14 * row, line)
            sheet.showPage()
        sheet.save()
        return buffer.getvalue()

    return make
