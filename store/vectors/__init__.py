"""The hybrid index: Qdrant Edge, Qdrant server, memory."""
