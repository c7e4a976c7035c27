"""Sources: each file reads the interface of one model format."""
