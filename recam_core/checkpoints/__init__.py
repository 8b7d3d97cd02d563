"""Models as files: ours, and those from elsewhere."""

import lazy_loader

# the door that scripts of others know, opened when it is used
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"importers": ["import_checkpoint", "recognise"]}
)
