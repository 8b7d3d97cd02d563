"""The field's short words, explained in a sentence where they first stand on a page."""

BCE = "**BCE**, binary cross-entropy, asks of every class by itself whether it is in the picture."
SCE = "**SCE**, softmax cross-entropy, asks which one of the classes the features under a mask belong to."
READOUT = (
    "A **readout** is which weights a map is read out with: CAM, of the classifier before ReCAM; w and w′, of ReCAM’s two; "
    "w⊕w′, their sum; w⊗w′, their product."
)
