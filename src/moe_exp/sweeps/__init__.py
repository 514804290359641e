"""A sweep: one parent run with its jobs as children."""
