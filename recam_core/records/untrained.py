"""Which readouts a training leaves without meaning (ReCAM, Chen et al., CVPR 2022, section 4)."""


def untrained_readouts(recam_weight: float, objective: str = "both", classes: int = 2) -> tuple[str, ...]:
    """Readouts that mean nothing because FC2 never learned: λ = 0, an objective without FC2, or one class alone."""
    learns = objective == "both" and recam_weight > 0 and classes > 1
    return () if learns else ("wprime", "sum", "product")
