"""Hybrid search, narrowed by the resolved company and period."""
