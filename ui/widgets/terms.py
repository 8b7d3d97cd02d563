"""The field's short words, explained in a sentence where they first stand on a page."""

BCE = "**BCE**, binary cross-entropy, asks of every class by itself whether it is in the picture."
SCE = "**SCE**, softmax cross-entropy, asks which one of the classes the features under a mask belong to."
READOUT = (
    "A **readout** says with which weights a map is read out: CAM with those of the classifier before ReCAM, w and w′ with "
    "those of ReCAM’s two classifiers, w⊕w′ with their sum and w⊗w′ with their product."
)
