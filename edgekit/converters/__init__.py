"""Converters: each file turns a float model of one format into the same function in another."""
