"""How results are shown, on every tab alike."""

from __future__ import annotations

# Delimiters of formulas in Markdown.
LATEX = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]
