"""How good heatmaps and masks are on a data set."""
