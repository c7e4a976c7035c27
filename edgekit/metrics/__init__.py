"""Metrics: how good answers are and how far two models are apart, each number with its interval."""
