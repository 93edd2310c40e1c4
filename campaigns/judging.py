"""What keeps one language of a message from leaving, whatever its audience, and where its links lead."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import blocks, cards, merge_fields, rendering
from campaigns.models.blocks import is_written
from coalition.models import Address

HTML_AT_MOST = 100_000  # bytes: Gmail cuts at 102 kB (rule E6)
TEXT_AT_MOST = 1600  # characters: what Twilio takes
TOO_LARGE = gettext_lazy("The email is larger than 100 kB: mail programs would cut it off.")


def is_overlong(content):
    """Whether its words by themselves are more than may leave, so that nobody need draw it to know."""
    words = merge_fields.FIELD.sub("", merge_fields.words_of(content)).strip()
    if content.message.channel == Address.Channel.EMAIL:
        return len(words.encode()) > HTML_AT_MOST
    return len(words) > TEXT_AT_MOST


def problems(content, draw=rendering.render):
    """What keeps one language of a message from leaving, in words for the organizer; empty when nothing does.

    Size is looked at last: what is too large has no other fault. `draw` gives the content as somebody would get it.
    """
    found = []
    by_email = content.message.channel == Address.Channel.EMAIL
    if by_email and not content.subject.strip():
        found.append(_("The subject is missing."))
    if not content.is_written:
        found.append(_("The text is missing."))
    unknown = merge_fields.unknown_fields(merge_fields.words_of(content))
    found += [_("Nobody can fill in “%(name)s”.") % {"name": name} for name in unknown]
    if "{{" in content.sender:
        found.append(_("The sender's name is the same for everybody: it takes no fields."))
    if not content.is_written:
        return found
    if by_email:
        found += _problems_of_blocks(content)
    if found:
        return found
    drawn = None if is_overlong(content) else draw(content)
    if by_email:
        return [str(TOO_LARGE)] if drawn is None or len(drawn.html.encode()) > HTML_AT_MOST else []
    if drawn is None or len(drawn.text) > TEXT_AT_MOST:
        return [_("The text is longer than %(most)d characters.") % {"most": TEXT_AT_MOST}]
    return []


def _problems_of_blocks(content):
    """What is missing or wrong in the blocks of an email, each with the number of its block."""
    found = []
    for number, block in enumerate(content.blocks, start=1):
        place, value = {"number": number}, block["value"]
        kind = block["type"]
        if kind in ("heading", "text", "quote") and not is_written([block]):
            found.append(_("Block %(number)d has no words in this language.") % place)
        elif kind == "button" and not (value.get("label") and value.get("url")):
            found.append(_("The button in block %(number)d needs both its words and an address.") % place)
        elif kind == "picture":
            if not value.get("src"):
                found.append(_("No picture is chosen in block %(number)d.") % place)
            elif not value.get("alt"):
                found.append(_("The picture in block %(number)d needs its words for those who do not see it.") % place)
        elif kind in rendering.CARDS:
            card = cards.of(block, content.language)
            if card is None:
                found.append(_("Nothing is chosen in block %(number)d.") % place)
            elif card.trouble:
                found.append(card.trouble)
            elif not card.title or bool(card.label) != bool(card.url):
                found.append(_("The card in block %(number)d needs a title, a button and an address.") % place)
    for block, url in blocks.links_in(content.blocks):
        if not blocks.is_safe(url):
            place = {"number": content.blocks.index(block) + 1, "url": url}
            found.append(
                _("The link in block %(number)d must begin with https:// or be a path of this site: %(url)s") % place
            )
    return found


def links_of(content):
    """Every address that an email leads to, whole, each once: what was written and what its cards show."""
    found = [url for _block, url in blocks.links_in(content.blocks)]
    for block in content.blocks:
        card = cards.of(block, content.language) if block["type"] in rendering.CARDS else None
        if card and card.url:
            found.append(card.url)
    return list(dict.fromkeys(rendering.absolute(url) for url in found))
