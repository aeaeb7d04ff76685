"""Claims of the papers, their checks, and verdicts computed from evidence."""
