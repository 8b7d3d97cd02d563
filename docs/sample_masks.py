"""Writes the masks of the bundled photos: outlines by hand, pulled to the edges of the picture by GrabCut.

    PYTHONPATH=. python docs/sample_masks.py [--look DIR]

``--look`` also writes every photo under its mask, to see whether the edges are right.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from recam_core.datasets.samples import FILES, PHOTO_CLASSES, PHOTOS, read_photo
from recam_core.images.visualise import CLASS_COLOURS, palette_png_bytes
from recam_core.records import IGNORE
from recam_core.system.files import save_atomically

BAND = 6  # pixels on either side of an outline within which GrabCut decides
BORDER = 2  # pixels on either side of an edge that nobody is held to
BACKGROUND, UNSURE = "background", "unsure"

# What is drawn, in this order: a class, the background, or what nobody is held to; then its corners, x y.
OUTLINES: dict[str, list[tuple[str, str]]] = {
    "chelsea": [
        (
            "cat",
            "38,0 398,0 388,15 375,40 365,63 355,68 362,100 365,120 360,140 357,160 345,180 330,205 318,230 312,255 303,275 "
            "303,300 0,300 0,124 10,120 22,110 30,90 32,60 33,30",
        ),
        (UNSURE, "318,230 340,222 385,258 392,300 303,300 303,275 312,258"),  # a blanket, or more of the cat
    ],
    "astronaut": [
        (
            "person",
            "154,75 160,50 175,38 190,36 205,22 225,16 250,18 275,30 295,52 302,80 298,105 285,125 272,137 264,136 260,155 "
            "256,175 262,178 285,195 300,220 305,240 320,245 338,260 346,285 356,310 363,340 366,346 345,352 325,365 305,385 "
            "290,405 280,435 277,470 278,512 38,512 30,490 24,465 22,430 20,400 22,370 25,340 32,310 45,275 60,250 80,235 "
            "110,208 114,186 125,170 145,155 170,148 187,150 183,135 178,130 172,120 165,105 156,90",
        ),
        (
            UNSURE,  # the helmet in her arm
            "345,352 370,345 400,343 430,350 460,372 480,400 495,450 508,470 512,490 512,512 278,512 277,470 280,435 290,405 "
            "305,385 325,365",
        ),
    ],
    "coffee": [
        ("diningtable", "155,0 600,0 600,400 0,400 0,107"),
        (
            UNSURE,  # the saucer
            "77,215 83,260 100,305 130,342 170,370 220,385 278,389 335,385 385,370 425,343 455,305 473,260 479,215 473,172 "
            "455,130 425,100 400,80 170,75 130,100 100,128 83,170",
        ),
        (
            "spoon",
            "400,68 415,66 425,76 420,95 414,115 410,135 404,165 392,200 386,236 400,255 406,278 400,302 385,318 362,325 "
            "342,318 330,302 327,280 333,262 345,248 372,238 382,205 392,180 400,150 402,110",
        ),
        (
            "cup",
            "174,105 180,75 200,45 235,25 280,18 325,22 365,40 390,65 403,95 407,130 398,165 385,205 370,236 345,244 318,254 "
            "315,275 300,285 280,286 262,282 255,272 250,285 240,300 222,308 205,302 197,285 200,265 212,245 222,238 205,222 "
            "188,195 178,165 174,130",
        ),
    ],
    "camera": [
        (
            "person",
            "0,512 0,258 20,228 40,195 60,160 75,142 100,130 130,122 145,110 155,105 161,107 165,90 180,72 200,64 222,67 "
            "245,78 262,100 270,115 268,127 258,132 254,140 253,145 256,160 254,170 243,172 246,178 242,190 243,200 244,225 "
            "248,245 262,225 265,215 275,207 283,204 292,215 296,205 310,185 322,168 330,175 331,195 322,205 317,225 300,235 "
            "298,245 304,270 290,285 270,300 247,312 225,305 207,293 190,315 160,357 141,380 147,420 150,460 151,512 145,512 "
            "138,492 125,470 110,453 100,446 98,470 93,512",
        ),
        (BACKGROUND, "289,216 297,216 297,314 289,314"),  # the tripod before his sleeve
    ],
    "motorcycle": [
        (
            "bicycle",
            "0,167 21,167 33,150 37,120 46,118 47,146 49,167 44,193 42,219 25,230 0,230",
        ),
        (
            UNSURE,  # the rest of it, behind the bench
            "47,118 140,128 140,193 50,193 44,219 42,190 49,167",
        ),
        (
            "motorbike",
            "92,204 114,194 134,196 146,208 141,179 138,156 146,146 161,143 169,151 169,161 193,160 229,166 259,183 296,196 "
            "335,188 357,194 385,180 391,195 402,167 357,173 357,165 385,146 379,137 366,134 335,141 331,127 366,110 376,117 "
            "416,126 427,123 446,142 468,146 468,131 491,119 505,112 496,95 494,83 504,73 502,47 518,21 512,53 508,75 544,99 "
            "540,106 527,100 539,114 537,126 552,127 562,121 578,118 583,131 578,141 564,143 561,167 550,184 552,193 548,205 "
            "580,262 592,267 619,279 643,306 664,335 680,366 683,391 678,419 667,438 647,452 614,452 580,439 550,414 527,382 "
            "515,343 505,330 509,306 523,286 533,279 505,229 491,223 484,201 472,229 480,251 477,279 479,304 472,338 449,366 "
            "416,381 385,382 342,373 352,403 345,408 338,393 339,427 342,434 324,435 328,385 321,369 279,357 262,385 237,400 "
            "201,403 162,385 134,352 121,315 124,287 140,257 156,244 146,240 113,248 99,260 100,240 114,226 112,220 94,218",
        ),
        (BACKGROUND, "528,224 549,221 564,258 540,261 527,242"),  # between the tubes of the fork
    ],
    "hopper": [
        (
            "person",
            "15,600 20,538 23,482 28,432 38,406 48,391 61,380 102,363 147,350 178,338 196,322 203,312 196,295 175,287 163,277 "
            "162,254 165,241 163,223 155,208 154,193 158,175 152,168 153,117 160,94 175,84 183,66 201,51 218,40 226,28 249,23 "
            "284,23 300,30 305,41 325,49 343,63 352,84 365,87 372,132 370,178 376,196 368,223 362,241 365,264 356,289 338,307 "
            "330,315 350,330 386,350 427,368 462,376 488,389 500,411 512,447 512,600",
        ),
        (UNSURE, "223,438 246,414 280,412 297,432 287,446 249,447"),  # a tie, which lies on her shirt
    ],
}  # fmt: skip


def main() -> None:
    """Draw every mask anew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--look", type=Path, help="a folder for photos under their masks")
    look = parser.parse_args().look
    for name in PHOTOS:
        pixels = read_photo(name)
        labels = draw(pixels, OUTLINES[name])
        save_atomically(FILES / f"{name}.png", palette_png_bytes(labels))
        if look:
            look.mkdir(parents=True, exist_ok=True)
            Image.fromarray(overlay(pixels, labels)).save(look / f"{name}.png")


def draw(pixels: np.ndarray, outlines: list[tuple[str, str]]) -> np.ndarray:
    """Label map (H, W) uint8: class index + 1 of ``PHOTO_CLASSES``, 0 background, 255 unsure or at an edge."""
    labels = np.zeros(pixels.shape[:2], np.uint8)
    fixed = {BACKGROUND: 0, UNSURE: IGNORE}
    for name, corners in outlines:
        polygon = np.array([corner.split(",") for corner in corners.split()], np.int32)
        inside = cv2.fillPoly(np.zeros_like(labels), [polygon], 1)
        if name in fixed:
            labels[inside == 1] = fixed[name]
        else:
            labels[pulled(pixels, inside) == 1] = PHOTO_CLASSES.index(name) + 1
    edge = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, disc(BORDER)) > 0
    return np.where(edge, IGNORE, labels).astype(np.uint8)


def pulled(pixels: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """An outline (H, W) of 0 and 1 whose edge GrabCut moved by at most ``BAND`` pixels."""
    framed = cv2.copyMakeBorder(inside, *[BAND + 1] * 4, cv2.BORDER_REPLICATE)  # the frame of the picture is no edge
    core, reach = (
        change(framed, disc(BAND))[BAND + 1 : -BAND - 1, BAND + 1 : -BAND - 1] for change in (cv2.erode, cv2.dilate)
    )
    marks = np.full(inside.shape, cv2.GC_PR_BGD, np.uint8)
    marks[inside == 1] = cv2.GC_PR_FGD
    marks[reach == 0], marks[core == 1] = cv2.GC_BGD, cv2.GC_FGD
    cv2.setRNGSeed(0)
    empty = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.ascontiguousarray(pixels[..., ::-1]), marks, None, *empty, 5, cv2.GC_INIT_WITH_MASK)
    foreground = ((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)).astype(np.uint8)
    return cv2.morphologyEx(cv2.morphologyEx(foreground, cv2.MORPH_OPEN, disc(2)), cv2.MORPH_CLOSE, disc(2))


def disc(radius: int) -> np.ndarray:
    """A round structuring element."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def overlay(pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The photo under its mask, twice as large, to be looked at."""
    colours = CLASS_COLOURS[labels]
    mixed = np.where(labels[..., None] == 0, pixels, (0.55 * pixels + 0.45 * colours).astype(np.uint8))
    return mixed.repeat(2, 0).repeat(2, 1)


if __name__ == "__main__":
    main()
