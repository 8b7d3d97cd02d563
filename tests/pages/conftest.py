"""Has this folder on the path: what is in `opened` serves the folders below, too."""
