"""Results kept on disk under a key of all that made them, and files that appear only when they are whole."""
