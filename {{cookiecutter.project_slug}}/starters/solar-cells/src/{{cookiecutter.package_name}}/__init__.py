"""Finds defective solar cells in electroluminescence photos."""
