"""The words of a message in one language, as a test wants them; they are not stored."""

from tests.factories import MessageFactory, blocks_of


def content(language="en", channel="email", *, body="", button=None, **words):
    """A language of a message. `body`: its paragraphs, in an email as a block; `button`: (label, address) below."""
    message = MessageFactory(channel=channel)
    made = message.contents.get(language=language)
    if channel == "email":
        words["blocks"] = blocks_of(body)
        if button:
            words["blocks"].append({"id": "b2", "type": "button", "value": {"label": button[0], "url": button[1]}})
    else:
        words["body"] = body
    for field, text in {"subject": "", **words}.items():
        setattr(made, field, text)
    return made
