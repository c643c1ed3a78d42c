"""Cuts the quoted places out of PDF pages as pictures, the quotation shaded and its number marked."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pipelines.pdfium import opened_pdf
from tieout.model import Page, Report

_SCALE = 1.5  # pixels per PDF point: legible, and small as a file
_AROUND = 36.0  # points above and below the quotation
_MARGIN = 6.0  # points left and right of the page's text
_TALLEST = 220.0  # points; a longer quotation is cut
_WIDEST = 3_000.0  # points; a page that claims more would take gigabytes to draw
_SHADE, _MARK = (255, 249, 219), (255, 226, 122)
_COLOURS = 24

Box = tuple[float, float, float, float]  # left, bottom, right, top in points


@dataclass(frozen=True)
class _Place:
    """A quotation on a page and the number in it, as offsets into the page's text."""

    start: int
    end: int
    mark: tuple[int, int] | None = None


def page_pictures(report: Report, pages: Iterable[Page], pdf_of: Callable[[str], bytes | None]) -> dict[str, bytes]:
    """Return PNGs by the id of each span and each figure that the report shows.

    `pdf_of` gives a document's bytes, None when it is no PDF. A page whose characters are not those of the stored
    text (a repaired text layer) gives no picture: better none than one that marks the wrong place. Nor does one that
    cannot be drawn: a report does without.
    """
    wanted: dict[tuple[str, int], dict[str, _Place]] = {}
    for span in report.ledger.spans:
        wanted.setdefault((span.document_id, span.page), {})[span.id] = _Place(span.start, span.end)
    for figure in report.figures:
        place = _Place(figure.row_start, figure.row_end, (figure.start, figure.end))
        wanted.setdefault((figure.document_id, figure.page), {})[figure.id] = place
    texts = {(page.document_id, page.number): page.text for page in pages}
    found: dict[str, bytes] = {}
    for document_id in dict.fromkeys(document for document, _ in wanted):
        data = pdf_of(document_id)
        if data is not None:
            own = {n: places for (d, n), places in wanted.items() if d == document_id and (d, n) in texts}
            found |= _of_document(data, own, {n: texts[document_id, n] for n in own})
    return found


def page_picture(
    data: bytes, page: Page, marked: tuple[int, int] | None = None, *, scale: float = _SCALE
) -> bytes | None:
    """Return a whole page of a PDF as PNG, the characters `marked` (offsets into the page's text) shaded.

    None when the document has no such page that can be drawn; a page whose characters are not those of the stored text
    is drawn without a mark.
    """
    from pypdfium2 import PdfiumError

    with suppress(PdfiumError), opened_pdf(data) as pdf:
        if 1 <= page.number <= len(pdf):
            return _drawn(pdf[page.number - 1], page.text, marked, scale)
    return None


def _drawn(page: Any, text: str, marked: tuple[int, int] | None, scale: float) -> bytes | None:
    width, height = page.get_size()
    if max(width, height) > _WIDEST:
        return None
    textpage = page.get_textpage()
    try:
        index = (_characters(textpage.get_text_range(), text) or {}) if marked else {}
        boxes = _rows(_boxes(textpage, index, *marked)) if marked else []
        image = page.render(scale=scale, draw_annots=False).to_pil().convert("RGB")
        for box in boxes:
            _shade(image, box, height, _MARK, scale)
    finally:
        textpage.close()
        page.close()
    out = io.BytesIO()
    image.quantize(64).save(out, "PNG")
    return out.getvalue()


def _of_document(data: bytes, wanted: Mapping[int, Mapping[str, _Place]], texts: Mapping[int, str]) -> dict[str, bytes]:
    from pypdfium2 import PdfiumError

    found: dict[str, bytes] = {}
    with suppress(PdfiumError), opened_pdf(data) as pdf:
        for number, places in wanted.items():
            found |= _of_page(pdf[number - 1], places, texts[number])
    return found


def _of_page(page: Any, places: Mapping[str, _Place], text: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    textpage = page.get_textpage()
    try:
        index = _characters(textpage.get_text_range(), text) or {}
        text_boxes = _boxes(textpage, index, 0, len(text))
        for key, place in places.items():
            picture = _picture(page, textpage, index, place, text_boxes)
            if picture is not None:
                found[key] = picture
    finally:
        textpage.close()
        page.close()
    return found


def _characters(raw: str, text: str) -> dict[int, int] | None:
    """Return the page's character number for each offset of the stored text that is not white space.

    Both texts differ only in white space, in how a line-end hyphen is written and in what is not shown.
    """
    shown = [(at, character) for at, character in enumerate(raw) if _visible(character)]
    stored = [(at, character) for at, character in enumerate(text) if _visible(character)]
    if [c for _, c in shown if c not in _HYPHENS] != [c for _, c in stored if c not in _HYPHENS]:
        return None
    if len(shown) != len(stored):
        return None
    return {at: number for (at, _), (number, _) in zip(stored, shown, strict=True)}


_HYPHENS = frozenset("-\x02\ufffe")


def _visible(character: str) -> bool:
    return character in _HYPHENS or (not character.isspace() and character.isprintable())


def _picture(
    page: Any, textpage: Any, index: Mapping[int, int], place: _Place, text_boxes: Sequence[Box]
) -> bytes | None:
    rows = _rows(_boxes(textpage, index, place.start, place.end))
    width, height = page.get_size()
    if not rows or width > _WIDEST:
        return None
    top = min(height, max(row[3] for row in rows) + _AROUND)
    bottom = max(0.0, min(row[1] for row in rows) - _AROUND, top - _TALLEST)
    marks = _rows(_boxes(textpage, index, *place.mark)) if place.mark else []
    image = page.render(scale=_SCALE, crop=(0, bottom, 0, height - top), draw_annots=False).to_pil().convert("RGB")
    for boxes, colour in ((rows, _SHADE), (marks, _MARK)):
        for box in boxes:
            _shade(image, box, top, colour)
    left = max(0.0, min(box[0] for box in text_boxes) - _MARGIN)
    right = min(width, max(box[2] for box in text_boxes) + _MARGIN)
    image = image.crop((int(left * _SCALE), 0, int(right * _SCALE), image.height))
    out = io.BytesIO()
    image.quantize(_COLOURS).save(out, "PNG", optimize=True)
    return out.getvalue()


def _shade(image: Any, box: Box, top: float, colour: tuple[int, int, int], scale: float = _SCALE) -> None:
    """Colour the paper under a box and leave the ink."""
    from PIL import Image, ImageChops

    left, bottom, right, upper = box
    area = (
        max(0, int(left * scale) - 2),
        max(0, int((top - upper) * scale) - 2),
        min(image.width, int(right * scale) + 3),
        min(image.height, int((top - bottom) * scale) + 3),
    )
    if area[0] < area[2] and area[1] < area[3]:
        part = image.crop(area)
        image.paste(ImageChops.multiply(part, Image.new("RGB", part.size, colour)), area)


def _boxes(textpage: Any, index: Mapping[int, int], start: int, end: int) -> list[Box]:
    numbers = [index[at] for at in range(start, end) if at in index]
    boxes = [textpage.get_charbox(number) for number in numbers]
    return [box for box in boxes if box[2] > box[0] and box[3] > box[1]]


def _rows(boxes: Iterable[Box]) -> list[Box]:
    """Join the boxes of characters into one box a line."""
    rows: list[Box] = []
    for box in boxes:
        if rows and box[1] < rows[-1][3] and box[3] > rows[-1][1] and box[0] >= rows[-1][0] - 1:
            last = rows[-1]
            rows[-1] = (min(last[0], box[0]), min(last[1], box[1]), max(last[2], box[2]), max(last[3], box[3]))
        else:
            rows.append(box)
    return rows
