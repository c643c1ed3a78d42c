"""Ties numbers out: reads numbers and tables, and matches claims with facts and spans."""
