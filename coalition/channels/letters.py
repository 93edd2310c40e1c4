"""A form letter: the same words for many people, with gaps for each person's values. Split once, filled cheaply."""

import re
from dataclasses import dataclass, field

from django.utils.html import escape

# Private-use characters: no keyboard types them, no template escapes them, `plain` takes them out of what people write.
OPEN, CLOSE = "\ue000", "\ue001"
GAP = re.compile(f"{OPEN}([a-z0-9_]+){CLOSE}")
# Control characters, among them every line break: in a header they would begin a header of their own.
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ue000\ue001]+")


def gap(name):
    """The mark that stands for a value until the letter is filled."""
    return f"{OPEN}{name}{CLOSE}"


def plain(value):
    """A value on one line, without control characters or marks of ours."""
    return " ".join(CONTROL.sub(" ", str(value)).split())


class Gaps:
    """A text with gaps. `parts` alternates between fixed words and the names of what fills the gaps."""

    __slots__ = ("names", "parts")

    def __init__(self, text):
        self.parts = GAP.split(text)
        self.names = self.parts[1::2]

    def fill(self, values):
        """The text with every gap filled. Raises KeyError for a value that is missing."""
        filled = self.parts.copy()
        filled[1::2] = [values[name] for name in self.names]
        return "".join(filled)

    def replaced(self, words, gap):
        """The text with `words` done to what is fixed, and with what `gap` makes of each name in its place."""
        return "".join(gap(part) if place % 2 else words(part) for place, part in enumerate(self.parts))


@dataclass(slots=True)
class FormLetter:
    """What a whole batch has in common. Values are plain text, escaped on their way into the HTML and only there."""

    subject: Gaps
    text: Gaps
    html: Gaps
    headers: dict = field(default_factory=dict)  # {name: Gaps}
    sender: str = ""  # the name that writes; empty: the installation's own
    wire: object = field(default=None, repr=False, compare=False)  # what a channel made of it, kept with it

    @property
    def names(self):
        """Every value that the letter needs, each once."""
        parts = (self.subject, self.text, self.html, *self.headers.values())
        return list(dict.fromkeys(name for gaps in parts for name in gaps.names))

    def fill(self, values):
        """(subject, text, html, headers) for one person."""
        safe = {name: escape(value) for name, value in values.items()}
        return (
            self.subject.fill(values),
            self.text.fill(values),
            self.html.fill(safe),
            {name: gaps.fill(values) for name, gaps in self.headers.items()},
        )
