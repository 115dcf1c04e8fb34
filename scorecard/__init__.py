"""Is it hireable? Reads repositories and says what a hiring reader will find, and what to do next."""

VERSION = 1  # of the JSON report
