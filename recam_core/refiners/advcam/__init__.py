"""AdvCAM: a picture climbs until more of an object lights up (Lee et al., CVPR 2021, arXiv 2103.08896)."""
