"""What stands between the page and the handlers: errors, limits, uploads."""
