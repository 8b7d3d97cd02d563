"""What is chosen on the Balance page."""

from ui.session.choices import Choices

_CHOICES = Choices("balance")
remembered, tell = _CHOICES.remembered, _CHOICES.tell
