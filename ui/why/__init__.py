"""The lesson: why BCE under-activates and what SCE changes, one idea a step, on the picture that is chosen."""
