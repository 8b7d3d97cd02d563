"""Pictures and masks: read from files, coloured, and written as files."""
