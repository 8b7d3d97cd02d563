"""``scenes``: drawn pictures with exact masks, endless and the same for everybody who uses the same seed."""

from dataclasses import dataclass

import numpy as np

from recam_core.datasets.scenes.canvas import paint_background, paint_object
from recam_core.datasets.scenes.shapes import SHAPES
from recam_core.records import UserError

SPLITS = {"train": 1600, "val": 200, "test": 300, "samples": 12}
COMPANIONS = {
    "cat": "dog",
    "dog": "cat",
    "car": "bus",
    "bus": "car",
    "fish": "boat",
    "boat": "fish",
    "bird": "tree",
    "tree": "bird",
}


@dataclass(frozen=True)
class SceneOptions:
    """The knobs of the generator.

    ``size`` is the side of the picture in pixels; ``radius`` half an object's extent, as a share of it;
    ``body_contrast`` how many grey levels the faint pattern of a body swings; ``loudness`` how far the telling parts stand
    out from the body's colour, 0 … 1; ``together`` how probable it is that an
    object brings the class that it is easily mistaken for, or whose surroundings it shares. Raises ``UserError`` for settings
    that draw no scene.
    """

    size: int = 160
    radius: tuple[float, float] = (0.22, 0.4)
    body_contrast: float = 18.0
    loudness: float = 0.8
    together: float = 0.35
    max_objects: int = 3

    def __post_init__(self) -> None:
        low, high = self.radius
        if not (
            32 <= self.size <= 1024
            and 0 < low <= high <= 0.5
            and 0 <= self.together <= 1
            and 0 <= self.loudness <= 1
            and self.max_objects >= 1
        ):
            raise UserError(f"These settings draw no scene: {self}.")


class Scenes:
    """Scene ``i`` of a split is drawn from (seed, split, i) alone; ``UserError`` for a split that is not in ``SPLITS``."""

    classes = tuple(SHAPES)
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    in_memory = 1 << 20  # so many drawn pictures stay in memory; a split of 1600 takes 160 MB

    def __init__(self, split: str = "train", seed: int = 0, options: SceneOptions | None = None) -> None:
        if split not in SPLITS:
            raise UserError(f"The splits of scenes are {', '.join(SPLITS)}; got {split!r}.")
        self.split, self.seed, self.options = split, seed, options or SceneOptions()
        self._drawn: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def __len__(self) -> int:
        return SPLITS[self.split]

    def name(self, i: int) -> str:
        """A stable name of picture ``i``."""
        return f"{self.split}-{i:04d}"

    def image(self, i: int) -> np.ndarray:
        """(size, size, 3) uint8."""
        return self._draw(i)[0]

    def labels(self, i: int) -> np.ndarray:
        """Which classes are visible, multi-hot (K,) float32."""
        return self._draw(i)[1]

    def mask(self, i: int) -> np.ndarray:
        """Exact label map (size, size) uint8: 0 background, class index + 1."""
        return self._draw(i)[2]

    def has_mask(self, i: int) -> bool:
        """Every scene has one."""
        return True

    def check(self, i: int) -> np.ndarray:
        """The mask: there is no file that could be damaged."""
        return self.mask(i)

    def remarks(self, i: int) -> tuple[str, ...]:
        """Nothing is odd about what was drawn."""
        return ()

    def _draw(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if i not in self._drawn:
            if len(self._drawn) >= self.in_memory:
                self._drawn.clear()
            self._drawn[i] = self._paint(i)
        return self._drawn[i]

    def _paint(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.seed, list(SPLITS).index(self.split), i])
        size = self.options.size
        kinds = self._choose(rng)
        water = rng.random() < (0.85 if {"fish", "boat"} & set(kinds) else 0.1)
        picture, mask = paint_background(size, water, rng), np.zeros((size, size), np.uint8)
        for kind in kinds:
            radius = size * rng.uniform(*self.options.radius)
            centre = rng.uniform(0.6 * radius, size - 0.6 * radius, 2)
            label = self.classes.index(kind) + 1
            contrast, loudness = self.options.body_contrast, self.options.loudness
            paint_object(picture, mask, kind, label, centre, radius, contrast, loudness, rng)
        picture += rng.normal(0, 5, picture.shape).astype(np.float32)
        labels = np.array([(mask == k + 1).sum() >= 40 for k in range(len(self.classes))], np.float32)
        mask[~np.isin(mask, 1 + np.flatnonzero(labels))] = (
            0  # a few stray pixels of a hidden object are nothing to find
        )
        return np.clip(picture, 0, 255).astype(np.uint8), labels, mask

    def _choose(self, rng: np.random.Generator) -> list[str]:
        kinds: list[str] = []
        for _ in range(rng.integers(1, self.options.max_objects + 1)):
            kinds.append(str(rng.choice(self.classes)))
            if rng.random() < self.options.together:
                kinds.append(COMPANIONS[kinds[-1]])
        return kinds[: self.options.max_objects]
