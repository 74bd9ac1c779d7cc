"""The Restore tab."""
