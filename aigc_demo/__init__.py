"""AIGC Studio: make pictures with small generative models, and watch them learn."""

__version__ = "0.1.0"
