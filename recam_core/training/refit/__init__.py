"""Both heads again on features that are kept, so that λ can be a slider."""
