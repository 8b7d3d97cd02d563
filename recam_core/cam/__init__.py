"""Class activation maps: from a picture to evidence, heatmaps, figures and files."""
