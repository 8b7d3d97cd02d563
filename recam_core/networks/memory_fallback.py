"""How much is looked at at a time: as much as memory allows, else less, and it is said."""

from collections.abc import Callable
from typing import TypeVar

import torch

from recam_core.networks.model import CamModel
from recam_core.records import UserError
from recam_core.system.device import lacks_memory

Result = TypeVar("Result")


def with_room(model: CamModel, look: Callable[[CamModel, bool], Result]) -> tuple[Result, str]:
    """What ``look(model, together)`` sees, and a sentence for the person where memory did not suffice, else "".

    ``together`` asks for picture and mirror image as one batch; where that is too much for a graphics card, it gets one view
    after the other, and then a copy of the network on the CPU does it (a network on the CPU takes large views one by one
    anyway, see `CamModel.features`). Raises ``UserError`` where even that is too much.
    """
    where = model.device
    card = where.type != "cpu"
    for together in (True, False) if card else (True,):
        try:
            note = "" if together else f"the memory of {where} holds one view at a time only"
            return look(model, together), note
        except (RuntimeError, MemoryError) as error:
            if not lacks_memory(error):
                raise
            # left at once, so that nothing of the failed try is still held during the next one
        torch.cuda.empty_cache()
    try:
        if card:
            return look(
                model.on_cpu(), False
            ), f"the memory of {where} did not suffice, so the CPU did it, which takes longer"
    except (RuntimeError, MemoryError) as error:
        if not lacks_memory(error):
            raise
    raise UserError(
        f"The memory of {where} does not suffice for this picture; "
        "choose a smaller working size, fewer scales, or no mirror image."
    )
