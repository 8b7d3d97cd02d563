"""Pixel-adaptive mask refinement: maps that follow the colours of the picture."""
