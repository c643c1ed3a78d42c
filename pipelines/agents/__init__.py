"""Kinds of work: one module per agent, each exposing one `AGENT`."""
