"""The command line: one module a command of ``python -m aigc_demo``."""
