"""Tracers: each file runs a model of one format and hands out every tensor on the way."""
