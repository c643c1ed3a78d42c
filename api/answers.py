"""JSON answers in ASCII: text from outside may hold lone surrogates, which UTF-8 cannot carry and JSON escapes can."""

from __future__ import annotations

import json
from typing import Any, override

from starlette.responses import JSONResponse


class Json(JSONResponse):
    """A JSON answer that any text fits into, so that one odd name or question never makes a listing fail."""

    @override
    def render(self, content: Any) -> bytes:
        """Return the body. Raises ValueError for NaN and infinities, which JSON cannot hold."""
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")
