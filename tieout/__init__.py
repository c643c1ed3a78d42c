"""tieout: research whose every number ties out."""
