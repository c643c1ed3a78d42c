"""From what tieout says to what each platform takes."""
