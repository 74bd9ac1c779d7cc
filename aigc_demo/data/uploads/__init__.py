"""Images that a user uploads: validated, and stored inside their run."""
