"""Bundles: runs with their report in one file that anyone can check, and bring into a store of their own."""
