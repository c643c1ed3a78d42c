"""Reads PDF pages with pdfium: text in reading order, table rows on their own lines, printed page labels."""

from __future__ import annotations

import ctypes
import math
import re
from typing import Any

from pipelines.ingest.clean import clean, join_letter_spacing, letter_spaced
from pipelines.ingest.pages import RawFile, RawPage
from pipelines.pdfium import opened_pdf
from tieout.errors import RefusedFile

_LONG_LINE = 140  # a longer line with numbers may be several table rows that pdfium put on one
_VERY_LONG_LINE = 320
_NUMBER = re.compile(r"\d[,.]\d|\d%|[$€£] ?\d")
_WORD = re.compile(r"\S+")
_FOOTER = re.compile(r"(?:^|[\s|—–-])(?:page\s+)?([A-Z]?-?\d{1,3}|[ivxl]{1,6})\s*$", re.I)
_ALONE = re.compile(r"^\s*(?:page\s+)?[-–—]?\s*([A-Z]?-?\d{1,3}|[ivxl]{1,6})\s*[-–—]?\s*$", re.I)


def read_pdf(data: bytes) -> RawFile:
    """Read all pages of a PDF.

    Raises RefusedFile when it is broken, encrypted, has no pages or no text at all.
    """
    import pypdfium2 as pdfium

    opened = False
    try:
        with opened_pdf(data) as pdf:
            opened = True
            count = len(pdf)
            texts = [_page_text(pdf, index) for index in range(count)]
            printed = [_outline_label(pdf, index) for index in range(count)]
            title = clean(pdf.get_metadata_value("Title") or "").strip() or None
    except pdfium.PdfiumError as error:
        if not opened:
            raise RefusedFile(_reason(str(error))) from error
        raise RefusedFile(f"a page of the PDF cannot be read ({error}); save it again or get a fresh copy") from error
    if not any(text.strip() for text in texts):
        raise RefusedFile(
            "the PDF has no text layer (a scan?); run it through OCR first"
            if count
            else "the PDF has no pages; get a fresh copy"
        )
    notes = []
    if empty := [number for number, text in enumerate(texts, 1) if not text.strip()]:
        notes.append(f"{len(empty)} of {count} pages have no text, the first is page {empty[0]}")
    if spaced := [number for number, text in enumerate(texts, 1) if letter_spaced(text)]:
        notes.append(f"{len(spaced)} pages had letter-spaced text that was joined, the first is page {spaced[0]}")
    pages = tuple(
        RawPage(number, join_letter_spacing(text), printed[number - 1] or printed_label(text))
        for number, text in enumerate(texts, 1)
    )
    return RawFile("application/pdf", pages, title, tuple(notes))


def _reason(message: str) -> str:
    if "assword" in message:
        return "the PDF is encrypted; save it without a password first"
    return f"the PDF is broken or is no PDF ({message}); get a fresh copy"


def _page_text(pdf: Any, index: int) -> str:
    page = pdf[index]
    try:
        textpage = page.get_textpage()
        try:
            raw: str = textpage.get_text_bounded()
            if any(map(_joined, raw.split("\r\n"))) and len(raw) == textpage.count_chars():
                raw = _split_rows(textpage, raw)
        finally:
            textpage.close()
    finally:
        page.close()
    return clean(raw)


def _joined(line: str) -> bool:
    return len(line) > _VERY_LONG_LINE or (len(line) > _LONG_LINE and len(_NUMBER.findall(line)) >= 3)


def _split_rows(textpage: Any, text: str) -> str:
    """Put a line end where the next word stands lower and further left than the one before it.

    pdfium joins rows of small tables with a space; only white space changes here, so no offset moves.
    """
    import pypdfium2.raw as raw

    x, y = ctypes.c_double(), ctypes.c_double()
    to_x, to_y, origin, handle = ctypes.byref(x), ctypes.byref(y), raw.FPDFText_GetCharOrigin, textpage.raw
    characters = list(text)
    last_x = last_y = -math.inf  # the first word has none before it
    for word in _WORD.finditer(text):
        start = word.start()
        origin(handle, start, to_x, to_y)
        now_x, now_y = x.value, y.value
        if now_x < last_x - 1.0 and last_y - now_y > 2.0 and text[start - 1] == " ":
            characters[start - 1] = "\n"
        last_x, last_y = now_x, now_y
    return "".join(characters)


def _outline_label(pdf: Any, index: int) -> str | None:
    label: str = pdf.get_page_label(index)
    return clean(label).strip()[:16] or None


def printed_label(text: str) -> str | None:
    """Return the page number printed in the last line (`Apple Inc. | 2022 Form 10-K | 32`) or alone on the first."""
    lines = [line for line in text.strip().split("\n") if line.strip()]
    if not lines:
        return None
    last = lines[-1].strip()
    if match := _ALONE.match(last):
        return match.group(1)
    if len(last) < 120 and re.search(r"[|]|form 10|annual report", last, re.I) and (match := _FOOTER.search(last)):
        return match.group(1)
    if (match := _ALONE.match(lines[0])) and match.group(1).isdigit():
        return match.group(1)
    if len(last) >= 120 and (match := re.search(r"[.;:]\s(\d{1,3})$", last)):  # a page that pdfium put on one line
        return match.group(1)
    return None
