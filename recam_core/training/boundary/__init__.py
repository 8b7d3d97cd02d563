"""Boundary branches are trained on a pair's own confident labels (IRN, Ahn et al., CVPR 2019, arXiv 1904.05044)."""
