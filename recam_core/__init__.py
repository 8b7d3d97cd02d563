"""ReCAM Studio's engine: see why a classifier looks where it looks, and how ReCAM makes it look at the whole object.

The public names and their types stand in ``__init__.pyi``. Each is loaded when it is first used, so that importing this
package costs nothing.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
