"""Inspectors read a model's graph - operators, parameters, multiply-accumulates, and what really runs in integers."""
