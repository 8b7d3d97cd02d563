"""Models as files: ours, and those from elsewhere."""
