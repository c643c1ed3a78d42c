"""A report as Markdown, HTML, notebook and ledger."""
