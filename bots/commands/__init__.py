"""The commands of the bots: one module each, exposing one `COMMAND`."""
