"""The Balance page's parts: which pictures, knobs, fits that are kept, curves, full training, when ReCAM helps, verdicts."""
