"""Dense conditional random fields, and what is built on them."""
