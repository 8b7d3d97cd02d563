"""``python -m recam_core`` without its start: a process that has loaded torch already is forked for each command.

For tests of what several processes do, or a killed one; how a command starts is looked at in tests/commands and tests/system.
"""

import multiprocessing
import os
import sys

from recam_core.__main__ import main

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["torch", "torchvision"])


class ForkedCommand:
    """Stands for the ``subprocess.Popen`` of a command of ours; what it says on stdout can be read, line by line."""

    def __init__(self, command, env=None, **_):
        assert command[:3] == [sys.executable, "-m", "recam_core"]
        reader, writer = CONTEXT.Pipe(duplex=False)
        self.process = CONTEXT.Process(target=_run, args=(command[3:], dict(env or os.environ), writer))
        self.process.start()
        writer.close()
        self.stdout = open(os.dup(reader.fileno()), encoding="utf-8")  # noqa: SIM115 - until `wait`
        reader.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wait()

    @property
    def returncode(self):
        """Its exit status, or the negative number of the signal that ended it."""
        return self.process.exitcode

    def kill(self):
        """End it at once."""
        self.process.kill()

    def wait(self):
        """Its exit status, as soon as it has ended; ``said`` is what nobody has read until then."""
        if not self.stdout.closed:
            with self.stdout:
                self.said = self.stdout.read()
        self.process.join()
        return self.returncode


def _run(words, environment, stdout):
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(stdout.fileno(), sys.stdout.fileno())
    sys.exit(main(words))
