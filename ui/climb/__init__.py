"""The Climb page's parts: knobs, runs as streams for the player, what happened in words, downloads."""
