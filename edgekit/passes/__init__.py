"""Passes: each file makes other precisions of a model without leaving its format."""
