"""Implementations of the ports that keep state: SQL, lake, vectors, blobs."""
