"""edgekit: a float model goes in, a proven artifact for a real board comes out."""

from __future__ import annotations

__version__ = "0.1.0"
