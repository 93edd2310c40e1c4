"""What the compose page posts for an email."""

import json

from django.conf import settings

from campaigns.forms.letters import LetterForm
from campaigns.models import MessageContent
from campaigns.models.blocks import RICH, SHARED, TYPES


def posted(message, *, variant="a"):
    """The fields of the letter of a message as it stands, by name."""
    known = {content.language: content for content in message.contents.filter(variant=variant)}
    contents = [known.get(code) or MessageContent(message=message, language=code) for code, _name in settings.LANGUAGES]
    form = LetterForm(contents=contents)
    state = form.fields["blocks"].block.get_form_state(form.initial["blocks"])
    data = {"blocks-count": str(len(state))}
    for number, block in enumerate(state):
        data |= {f"blocks-{number}-{name}": block[name] for name in ("type", "id")}
        data |= {f"blocks-{number}-order": str(number), f"blocks-{number}-deleted": ""}
        for name, value in block["value"].items():
            value = value["id"] if isinstance(value, dict) else value
            data[f"blocks-{number}-value-{name}"] = value or ""
    return data


def block(number, kind, **values):
    """The fields of one block, as a new one comes in."""
    data = {f"blocks-{number}-{name}": value for name, value in (("type", kind), ("id", f"b{number}"))}
    data |= {f"blocks-{number}-order": str(number), f"blocks-{number}-deleted": ""}
    for name, sort in TYPES[kind].items():
        for code, _language in settings.LANGUAGES if sort != SHARED else ():
            data[f"blocks-{number}-value-{name}_{code}"] = rich("") if sort == RICH else ""
    return data | {f"blocks-{number}-value-{name}": value for name, value in values.items()}


def rich(text):
    """A paragraph as the rich text editor posts it."""
    block = {"key": "a", "text": text, "type": "unstyled", "depth": 0, "inlineStyleRanges": [], "entityRanges": []}
    return json.dumps({"blocks": [block], "entityMap": {}})
