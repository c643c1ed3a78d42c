"""Computations that agents use: each gives queries for facts."""
