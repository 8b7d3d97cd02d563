"""Heads: features → scores, class weights, loss.

Contract: built from (channels, classes); ``readouts`` names what ``class_weights`` can give; ``scores(features)`` is
(B, K); ``loss(features, labels)`` is (total, BCE, SCE).
"""

from recam_core.heads.cam import CamHead
from recam_core.heads.recam import ReCamHead

HEADS = {"cam": CamHead, "recam": ReCamHead}
