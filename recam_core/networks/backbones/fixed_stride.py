"""What backbones share that are trained at the output stride they are read out at."""

from contextlib import AbstractContextManager, nullcontext


class FixedStride:
    """A backbone with no other output stride than its own."""

    training_strides: tuple[int, ...] = ()

    def at_stride(self, stride: int) -> AbstractContextManager[None]:
        """Nothing to change: there is no other stride."""
        return nullcontext()
