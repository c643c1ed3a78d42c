"""Backups: the state of record, its files and the lake as one consistent archive, and back again."""
