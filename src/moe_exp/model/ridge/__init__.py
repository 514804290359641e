"""Ridge regression on sums over the stars: cross-validated, exact, in one pass."""
