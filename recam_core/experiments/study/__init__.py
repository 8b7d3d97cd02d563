"""The study behind the bundled models: its protocol and what came of it are in docs/models.md.

Each part trains what is missing in its runs folder, measures, and leaves one result file. A part is an iterator of the
events of the work it does; it returns its result, plain data.
"""

from collections.abc import Callable

from recam_core.experiments.study import balance, coco, photos, scenes, voc, walks, when
from recam_core.experiments.study.runs import Part, Workplace

PARTS: dict[str, Callable[[Workplace], Part]] = {
    "scenes-generator": scenes.generator_part,
    "scenes-recipes": scenes.recipes_part,
    "scenes-seeds": scenes.seeds_part,
    "scenes-lambda": balance.lambda_part,
    "scenes-ablations": balance.ablations_part,
    "scenes-when": when.when_part,
    "photos-lambda": balance.photos_lambda_part,
    "photos-recipes": photos.recipes_part,
    "photos-seeds": photos.seeds_part,
    "photos-folds": photos.folds_part,
    "photos-half": photos.half_part,
    "coco-folds": coco.folds_part,
    "voc-recipes": voc.recipes_part,
    "voc-seeds": voc.seeds_part,
    "voc-lambda": voc.lambda_part,
    "voc-small-lambda": voc.small_lambda_part,
    "voc-deeper": voc.deeper_part,
    "voc-deeper-small-lambda": voc.deeper_small_lambda_part,
    "voc-ablations": voc.ablations_part,
    "voc-walk": walks.voc_part,
    "scenes-walk": walks.scenes_part,
    "photos-walk": walks.photos_part,
}
