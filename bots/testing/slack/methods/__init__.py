"""The methods of the Web API, one file per family, each with one table."""
