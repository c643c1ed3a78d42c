"""Files to pages, chunks and points."""
