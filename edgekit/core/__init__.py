"""The nouns of edgekit: frozen standard-library dataclasses, shipped to devices as they are (Python 3.10)."""
