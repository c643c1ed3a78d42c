"""Durable runs on Dramatiq: SQL is the truth, a message is a hint."""
