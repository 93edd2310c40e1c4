"""What goes into a channel and what comes out. A channel is one method: `send(envelopes) -> outcomes`, same order."""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import import_module

from django.conf import settings

from .letters import FormLetter


class Status(StrEnum):
    """What became of one envelope."""

    SENT = "sent"  # the provider took it
    FAILED = "failed"  # it will never leave as it is
    RETRY = "retry"  # it surely did not leave; try later
    UNCERTAIN = "uncertain"  # it may have left: never resend blindly (rule S11)


@dataclass(slots=True)
class Envelope:
    """One message for one address. `ref` names our row ("delivery-7", "notice-3") and travels as its Message-ID.

    The words stand here whole, or, in bulk email, in a `letter` that a whole batch shares, to be filled with `values`.
    """

    ref: str
    to: str
    language: str
    text: str = ""
    subject: str = ""
    html: str = ""
    headers: dict = field(default_factory=dict)
    attachments: list = field(default_factory=list)  # [{"name", "type", "content"}], text or bytes
    letter: FormLetter | None = None
    values: dict = field(default_factory=dict)

    def words(self):
        """(subject, text, html, headers) as this person gets them."""
        return self.letter.fill(self.values) if self.letter else (self.subject, self.text, self.html, self.headers)


@dataclass(slots=True)
class Outcome:
    """`error`: a code or short words for staff, never an address. `code`: the provider's number, such as 21610.

    RETRY without an error: nothing was tried, the call had no time left for it.
    """

    status: Status
    provider_id: str = ""
    error: str = ""
    code: int | None = None
    dead: bool = False  # the address itself is the cause: it does not exist
    unreached: bool = False  # nobody was there to take it: another provider may
    via: str = ""  # which provider took it


@cache
def _load(path):
    module, name = path.rsplit(".", 1)
    return getattr(import_module(module), name)()


TEXT_CHANNELS = {
    "twilio": "coalition.channels.sms.TwilioChannel",
    "simulated": "coalition.channels.simulated.TextChannel",
    "memory": "coalition.channels.memory.TextChannel",
    "": "coalition.channels.sms.NoTextChannel",
}


def channel_for(channel):
    """The channel that carries "email" or "phone" in this installation."""
    if channel == "email":
        return _load("coalition.channels.email.EmailChannel")
    return _load(TEXT_CHANNELS[settings.TEXT_PROVIDER])
