"""Our own in-browser components."""
