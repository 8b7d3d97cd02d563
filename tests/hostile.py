"""An object that runs code when it is unpickled by a reader that trusts it."""

import os


class Hostile:
    """Makes a marker folder when it is unpickled by a reader that trusts it."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)
