"""Scores machine-learning repositories by a portfolio rubric and lists the next steps."""

VERSION = 1  # of the JSON report
