"""``app``: the pages in a browser, served by Streamlit from wherever the project is installed."""

import argparse
import os
import sys

from recam_core.records import UserError
from recam_core.system.project_files import APP


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen, and whatever else Streamlit takes."""
    parser.add_argument("--port", type=int, default=8501, help="where the app listens (%(default)s)")
    parser.add_argument(
        "--address", help="which addresses it answers on, e.g. 127.0.0.1; by default all of this machine"
    )
    parser.add_argument(
        "options",
        nargs="*",
        metavar="-- --OPTION=VALUE",
        help="what streamlit run takes, e.g. -- --server.headless=true",
    )


def run(arguments: argparse.Namespace) -> None:
    """Become the server: signals and the exit code are its own."""
    if not APP.is_file():
        raise UserError(f"The app is not there: expected {APP}. Install the project again.")
    options = [f"--server.port={arguments.port}", *arguments.options]
    if arguments.address:
        options.insert(0, f"--server.address={arguments.address}")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(APP), *options])
