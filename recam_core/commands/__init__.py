"""The commands of ``python -m recam_core``, one file each with ``add_arguments(parser)`` and ``run(arguments)``."""
