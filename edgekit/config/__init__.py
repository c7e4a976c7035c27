"""YAML files in, core types out: every problem of a file named with its line, at once."""
