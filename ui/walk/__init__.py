"""The Walk page's parts: what walks and how, runs, frames, one position's heat, labels."""
