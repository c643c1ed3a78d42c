"""JSON answers in ASCII: text from outside may hold lone surrogates, which UTF-8 cannot carry and JSON escapes can."""

from __future__ import annotations

import json
import math
from datetime import date
from typing import TYPE_CHECKING, Any, override

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    import pyarrow as pa


class Json(JSONResponse):
    """A JSON answer that any text fits into, so that one odd name or question never makes a listing fail."""

    @override
    def render(self, content: Any) -> bytes:
        """Return the body. Raises ValueError for NaN and infinities, which JSON cannot hold."""
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


_ARROW = "application/vnd.apache.arrow.stream"


def tabular(request: Request, table: pa.Table, headers: dict[str, str] | None = None) -> Response:
    """Return a table as an Arrow IPC stream when the caller accepts one, else as JSON: a list of objects by row."""
    if _ARROW in request.headers.get("accept", ""):
        return arrow(table, headers)
    return Json([{name: _json(value) for name, value in row.items()} for row in table.to_pylist()], headers=headers)


def _json(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value.isoformat() if isinstance(value, date) else value


def arrow(table: pa.Table, headers: dict[str, str] | None = None) -> Response:
    """Return a table as an Arrow IPC stream."""
    import pyarrow as pa
    import pyarrow.ipc

    sink = pa.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Response(bytes(sink.getvalue()), media_type=_ARROW, headers=headers)
