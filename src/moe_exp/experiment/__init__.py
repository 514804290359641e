"""One experiment: its configuration, and the order of its stages."""
