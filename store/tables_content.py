"""The tables of the knowledge base: documents, their pages and chunks, and a workspace's own instruments."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from store.columns import Json, UtcDateTime
from store.tables import metadata

documents = Table(
    "documents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace", String(128), nullable=False),
    Column("name", String(1024), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("media_type", String(128), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("page_count", Integer, nullable=False),
    Column("ingested_at", UtcDateTime, nullable=False),
    Column("document_title", Text),
    Column("instrument_id", String(256)),
    Column("company", Text),
    Column("ticker", String(32)),
    Column("form", String(32)),
    Column("fiscal_year", Integer),
    Column("fiscal_quarter", Integer),
    Column("period_end", Date),
    Column("filed_on", Date),
    Column("audiences", Json),  # the circles that may read it; none: all of the workspace
    Column("indexed", Boolean, nullable=False),  # false until all its points are in the vector index
    Index(None, "workspace", "sha256"),
    Index("ix_documents_name", "workspace", "name"),
)

pages = Table(
    "pages",
    metadata,
    Column("document_id", String(64), ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("workspace", String(128), nullable=False),
    Column("text", Text, nullable=False),
    Column("label", String(64)),
)

chunks = Table(  # a chunk's text is a slice of its page's, never kept twice
    "chunks",
    metadata,
    Column("workspace", String(128), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("document_id", String(64), ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("page", Integer, nullable=False),
    Column("first", Integer, nullable=False),  # offsets into the page's text: [first, last)
    Column("last", Integer, nullable=False),
    Column("heading", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Index(None, "document_id", "page"),
)

instruments = Table(
    "instruments",
    metadata,
    Column("workspace", String(128), primary_key=True),
    Column("id", String(256), primary_key=True),
    Column("record", Json, nullable=False),
)
