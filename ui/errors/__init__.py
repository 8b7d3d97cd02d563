"""The Errors page's parts: evaluations and their jobs, two sides, figures, classes, gallery, one picture, sanity, export."""
