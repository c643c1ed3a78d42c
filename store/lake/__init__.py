"""Price series and run facts: Delta tables, DuckDB, Polars."""
