"""Renderers: a Report value in, one form of it out - terminal text, JSON, Markdown or a self-contained HTML file."""
