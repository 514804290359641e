"""The command line beside train.py."""
