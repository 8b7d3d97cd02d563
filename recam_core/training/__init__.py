"""Training: two stages, boundary branches, and heads fitted again, each an iterator of events."""
