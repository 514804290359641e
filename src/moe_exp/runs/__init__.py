"""Runs in MLflow: what decides one, what it writes, reading it back, which belong together and what they conclude."""
