"""AdvCAM: a picture climbs until more of an object lights up (Lee et al., CVPR 2021)."""
