# What a type checker sees: the same door.

from recam_core import *  # noqa: F403
from recam_core import __version__ as __version__
