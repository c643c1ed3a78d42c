"""Companies and securities by name, former name, ticker and identifier."""
