"""Heads: features → scores, class weights, loss.

Contract: built from (channels, classes) and, by name, ``bias`` (has FC1 one?) and ``activation`` of its scores; ``settings`` are
those two; ``readouts`` names what ``class_weights`` can give; ``scores(features)`` is (B, K), with the bias, which maps never
have; ``probabilities(logits)`` is what a person reads; ``loss(features, labels)`` is (total, BCE, SCE).
"""

from recam_core.networks.heads.cam import CamHead
from recam_core.networks.heads.recam import ReCamHead

HEADS = {"cam": CamHead, "recam": ReCamHead}
