"""Models and embeddings behind their ports."""
