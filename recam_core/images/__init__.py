"""Pictures and masks: read from files, coloured, and written as files."""

import lazy_loader

# the door that scripts of others know, opened when it is used
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"pictures": ["read_image"]})
