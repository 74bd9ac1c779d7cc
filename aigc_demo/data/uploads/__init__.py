"""Image sets that somebody brings: opened without trust, validated, kept inside their run."""
