"""Revisions, oldest first: 0001_….py, 0002_….py; `revision` is the number."""
