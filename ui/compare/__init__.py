"""The Compare page's parts: maps, the heat view, what stands below."""
