"""The routes by subject: runs, library, market, health."""
