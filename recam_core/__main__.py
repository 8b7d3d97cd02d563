"""``recam COMMAND``, or ``python -m recam_core COMMAND``: the engine without a screen.

Exit codes: 0 done, 2 the person's input was at fault (one sentence on stderr), 1 our fault, 130 stopped, 141 nobody reads the
output any more (``… | head``).
"""

import argparse
import atexit
import contextlib
import errno
import gc
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recam_core import __version__

COMMANDS = {
    "app": "the pages in a browser",
    "explain": "heatmaps of a picture as files",
    "climb": "AdvCAM step by step: nudge a picture so that more of an object lights up",
    "walk": "IRN's random walk: boundaries hold the heat of a map inside the object",
    "seeds": "pseudo masks for a whole data set, refined by a climb or a walk",
    "export": "pictures and pseudo masks in Pascal VOC's layout, for the training of a segmentation network",
    "check": "what is in a data set, and what is wrong with it: labels per class, missing and broken files",
    "train": "train a model pair: BCE, then BCE + λ·SCE",
    "train-boundary": "boundary branches on a trained pair's frozen backbone, from its own seeds (IRN)",
    "fit-prototypes": "local prototypes of a model's classes, for LPCAM",
    "import": "a model from elsewhere: checkpoints of IRN, AdvCAM and ReCAM, torchvision and timm classifiers",
    "evaluate": "score CAM and every ReCAM readout on a data set with masks",
    "study": "the comparison behind the bundled models: generator, recipes, seeds, folds",
    "benchmark": "paired timings of our form against the plain one",
    "doctor": "versions, device, memory, models, and whether each loads",
}
UNHEARD = 141  # as a shell has it for SIGPIPE
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def module_of(command: str) -> str:
    """The module of a command: hyphens are no part of a Python name, and ``import`` is a word of the language."""
    return "import_model" if command == "import" else command.replace("-", "_")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    from recam_core.records import UserError  # it loads numpy, and Ctrl-C is heard before that

    # Threads that wait for others' share of a computation sleep: where something else runs on the machine, spinning made a pass
    # ten times slower. Read once, when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    speak_in_any_letters()
    # Only the chosen command is imported, so that --help answers at once and without torch.
    arguments = sys.argv[1:] if argv is None else list(argv)
    prog = "recam" if Path(sys.argv[0]).stem == "recam" else "python -m recam_core"
    parser = argparse.ArgumentParser(prog=prog, description="See where a classifier looks, and why.")
    parser.add_argument("--version", action="version", version=f"ReCAM Studio {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    try:
        for name, text in COMMANDS.items():
            command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
            if name in arguments[:1]:
                importlib.import_module(f"recam_core.commands.{module_of(name)}").add_arguments(command)
        parsed = parser.parse_args(arguments)
        command_module = importlib.import_module(f"recam_core.commands.{module_of(parsed.command)}")
        if signal.getsignal(signal.SIGINT) is _leave:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        command_module.run(parsed)
        sys.stdout.flush()  # what cannot be said shows now, and not when the interpreter ends
    except UserError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        fall_silent()
        return UNHEARD
    except OSError as error:
        if error.errno not in NO_SPACE or error.filename is not None:  # ours to say where a file is concerned
            raise
        fall_silent()
        print(f"{parser.prog}: the output could not be written ({error.strerror}). Free some space.", file=sys.stderr)
        return 2
    return 0


def _leave(*_: Any) -> None:
    """Stopped while it was starting: nothing is begun yet, and what is being imported would say how it was interrupted."""
    os.write(2, b"Stopped.\n")
    os._exit(130)


def speak_in_any_letters() -> None:
    """Let letters that a terminal or a file does not have become escapes, w′ among them; nothing is left unsaid for them."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # it was closed before we began
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - as long as the process lives
        elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def fall_silent() -> None:
    """Send what is still to be said nowhere: the interpreter would complain at its end that nobody takes it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
            continue
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def console() -> None:
    """Run what was typed, and end with its exit code."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # it may be ignored
        signal.signal(signal.SIGINT, _leave)
    atexit.register(
        gc.freeze
    )  # else the interpreter ends with a second of looking for garbage in all that torch loaded
    sys.exit(main())


if __name__ == "__main__":
    console()
