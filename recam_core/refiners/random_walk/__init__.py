"""The random walk: boundaries hold heat inside objects (IRN, Ahn et al., CVPR 2019, arXiv 1904.05044)."""
