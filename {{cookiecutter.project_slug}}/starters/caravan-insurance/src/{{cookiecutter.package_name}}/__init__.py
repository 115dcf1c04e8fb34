"""Finds customers of an insurer who hold a caravan policy."""
