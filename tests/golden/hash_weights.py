"""Hash weights: a full network rebuilt from names and a seed (tests/golden/README.md, part 8)."""

import zlib

import numpy as np
import torch

MASK = np.uint64(0xFFFFFFFF)


def hash_tensor(name: str, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """The tensor with a canonical name, as README.md, part 8, defines it."""
    count = int(np.prod(shape)) if shape else 1
    i = np.arange(1, count + 1, dtype=np.uint64)
    h = (i * np.uint64(2654435761) + np.uint64(zlib.crc32(name.encode())) + np.uint64(7919 * seed)) & MASK
    h ^= h >> np.uint64(16)
    h = (h * np.uint64(2246822519)) & MASK
    h ^= h >> np.uint64(13)
    h = (h * np.uint64(3266489917)) & MASK
    h ^= h >> np.uint64(16)
    u = h.astype(np.float64) / 2**32
    if len(shape) == 4:
        values = (2 * u - 1) * np.sqrt(3 / np.prod(shape[1:]))
    elif name.endswith("running_var"):
        values = 0.5 + u
    elif name.endswith("weight"):
        values = 0.75 + 0.5 * u
    else:
        values = 0.2 * (u - 0.5)
    return torch.from_numpy(values.astype(np.float32).reshape(shape))
