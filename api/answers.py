"""JSON answers in ASCII: text from outside may hold lone surrogates, which UTF-8 cannot carry and JSON escapes can."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, override

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    import pyarrow as pa


class Json(JSONResponse):
    """A JSON answer that any text fits into, so that one odd name or question never makes a listing fail."""

    @override
    def render(self, content: Any) -> bytes:
        """Return the body. Raises ValueError for NaN and infinities, which JSON cannot hold."""
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def arrow(table: pa.Table) -> Response:
    """Return a table as an Arrow IPC stream."""
    import pyarrow as pa
    import pyarrow.ipc

    sink = pa.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Response(bytes(sink.getvalue()), media_type="application/vnd.apache.arrow.stream")
