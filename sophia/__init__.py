"""The version, in its one place; ``sophia.library`` is what a program of one's own imports."""

__version__ = "0.1.0"
