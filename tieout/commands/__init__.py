"""The commands of `tieout`: one file per group."""
