"""Datasets: each file reads labelled raw samples of one kind."""
