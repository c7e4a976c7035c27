"""Inference engines behind one interface: the same file runs on the host and on a board."""
