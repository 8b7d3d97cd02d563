"""Networks: backbones, heads, boundary branches, and the two networks of a pair."""
