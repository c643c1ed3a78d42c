"""The notebook front door: an IPython extension."""
