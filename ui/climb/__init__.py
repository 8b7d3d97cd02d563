"""The Climb page's parts: knobs, runs as reels for the player, what happened in words, downloads."""
