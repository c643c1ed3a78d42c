"""What a button asks before it does anything: a small window with a few fields, on both platforms."""

from __future__ import annotations

from dataclasses import dataclass

_TITLE, _LABEL, _FIELDS = 24, 45, 5  # the narrower of the platforms' limits: Slack's title, Discord's labels and rows


@dataclass(frozen=True)
class Field:
    """A text to be typed. What it is called is the argument of the command that it becomes."""

    name: str
    label: str
    required: bool = True
    value: str = ""
    hint: str = ""
    long: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a label that a platform would refuse."""
        if not 0 < len(self.label) <= _LABEL:
            raise ValueError(f"the label {self.label!r} has to have at most {_LABEL} characters")


@dataclass(frozen=True)
class Form:
    """A window with fields."""

    title: str
    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        """Raise ValueError for what a platform would refuse."""
        if not 0 < len(self.title) <= _TITLE:
            raise ValueError(f"the title {self.title!r} has to have at most {_TITLE} characters")
        if not 0 < len(self.fields) <= _FIELDS:
            raise ValueError(f"a form has 1 to {_FIELDS} fields, not {len(self.fields)}")
