"""Reads the scale and unit that a draft's table gives the bare numbers of its cells."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from pipelines.ledger.numbers import SCALES, NumberMention

_IN_SCALE = re.compile(
    r"\bin\s+(?:(?:US|U\.S\.)\s+)?(?:\$|dollars\s+in\s+)?\s*(thousands|millions|billions)\b|\(?\$\s?(m|mm|mn|bn|"
    r"b|k)\b\)?|\((?:USD|US\$)\s?(m|mm|mn|bn|b|k)\)|(?<!\w)(?:USD|US\$|[$€£])\s*(thousand|million|billion)s?\b|"
    r"(?<!\w)[€£]\s?(m|mn|bn|k)\b",
    re.I,
)
UNSCALED = re.compile(
    r"\b(?:ratio|multiple|employees|headcount|stores|warehouses|branches|sites|vehicles|square f(?:ee|oo)t|units|"
    r"countries|number of)\b|%",
    re.IGNORECASE,
)


def scale_of(text: str) -> int:
    """Return the scale that a heading or caption names ("$ in millions"), 1 for none."""
    match = _IN_SCALE.search(text or "")
    if not match:
        return 1
    word = next(g for g in match.groups() if g).lower()
    return SCALES.get(word, SCALES.get(word + "s", 1))


def scaled(mention: NumberMention, scale: int) -> NumberMention:
    """Return a bare number or amount in a table's scale."""
    if mention.scale != 1 or mention.unit not in ("number", "USD", "EUR", "GBP", "JPY"):
        return mention
    factor = Decimal(scale)
    return replace(mention, value=mention.value * factor, half_step=mention.half_step * factor, scale=scale)


def per_share(mention: NumberMention) -> NumberMention:
    """Return a bare number of a per-share row as an amount per share: the table's scale is not its own."""
    unit = {"number": "USD/share"}.get(
        mention.unit, f"{mention.unit}/share" if len(mention.unit) == 3 else mention.unit
    )
    return replace(mention, unit=unit)


def as_percent(mention: NumberMention) -> NumberMention:
    """Return a bare number of a percentage column as a fraction."""
    if mention.unit != "number":
        return mention
    hundredth = Decimal("0.01")
    return replace(mention, value=mention.value * hundredth, half_step=mention.half_step * hundredth, unit="fraction")
