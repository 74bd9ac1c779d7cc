"""Training: the loop, its events, run directories, and the process that trains queued runs."""
