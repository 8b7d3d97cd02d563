"""What is chosen on the Train page."""

from ui.session.choices import Choices

NEW = "new"  # in the place of a run: the form
_CHOICES = Choices("train")
key, remembered, tell = _CHOICES.key, _CHOICES.remembered, _CHOICES.tell
choose, settle = _CHOICES.choose, _CHOICES.settle
