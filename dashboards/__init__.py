"""The dashboard front door: Panel pages."""
