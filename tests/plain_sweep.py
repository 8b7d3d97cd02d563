"""The plain form of the threshold sweep: argmax and a count for each threshold, pixel by pixel."""

import numpy as np


def plain_prediction(maps, class_ids, threshold):
    """Per pixel argmax over [background = threshold, maps]; the first wins a tie."""
    stacked = np.concatenate([np.full((1, *maps.shape[1:]), threshold, np.float32), maps])
    return np.array([0, *[k + 1 for k in class_ids]])[stacked.argmax(axis=0)]


def plain_confusion(pictures, threshold, labels):
    confusion = np.zeros((labels, labels), int)
    for maps, class_ids, mask in pictures:
        predicted = plain_prediction(maps, class_ids, threshold)
        for truth, guess in zip(mask.ravel(), predicted.ravel(), strict=True):
            if truth != 255:
                confusion[truth, guess] += 1
    return confusion


def picture(rng, class_ids, steps):
    """Random maps in hundredths or twentieths: many pixels lie exactly on a threshold, or tie between classes."""
    maps = (rng.integers(0, steps + 1, (len(class_ids), 7, 9)) / steps).astype(np.float32)
    mask = rng.choice(np.array([0, 1, 2, 3, 255], np.uint8), (7, 9))
    return maps, class_ids, mask
