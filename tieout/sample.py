"""Loads the sample pack that ships with tieout: filings and prices, with a note of where they come from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tieout.errors import NotAvailable

if TYPE_CHECKING:
    from tieout.model import Principal
    from tieout.ports import Desk

PACK = Path(__file__).parent / "sample_pack"


def load_sample_pack(desk: Desk, principal: Principal, *, tell: Callable[[str], None], pack: Path = PACK) -> None:
    """Put the pack's filings and prices into the desk; what is there already is left alone, quickly.

    `pack.json` names the files under `documents` and `prices`, relative to the pack. Raises NotAvailable when
    the installation has no pack.
    """
    try:
        content: dict[str, Any] = json.loads((pack / "pack.json").read_text(encoding="utf-8"))
        documents = [pack / name for name in content["documents"]]
        prices = [pack / one["file"] for one in content["prices"]]
    except (OSError, ValueError, KeyError) as error:
        raise NotAvailable("The sample pack is not part of this installation; install tieout anew.") from error
    have = {document.name for document in desk.documents(principal)}
    missing = [path for path in documents if path.name not in have]
    if missing:
        tell(f"Reading {len(missing)} filings of the sample pack.")
        for outcome in desk.ingest(principal, missing):
            if outcome.status == "refused":
                raise NotAvailable(f"The sample pack's {outcome.name} could not be read: {outcome.reason}")
    sources = {series.source for series in desk.series(principal)}
    for path in prices:
        if path.name not in sources:
            tell(f"Importing the prices of {path.name}.")
            desk.import_bars(principal, path)
