"""One run in MLflow: what decides it, what it writes, and reading it back."""
