"""The use cases that every door calls, one module per noun; tieout/application.py joins them."""
