"""Render a message: its words in a language become a letter with gaps, compiled once, and each person's values fill it.

Text is escaped where it meets HTML. An email is MJML, made HTML once for each (language, variant, values that are
missing).
"""

import re
import time
from dataclasses import dataclass, field
from html import escape, unescape

import css_inline
import mrml
from django.conf import settings
from django.template import Context
from django.template.loader import get_template
from django.utils.functional import cached_property
from django.utils.translation import override

from campaigns import archiving, blocks, cards, linking, merge_fields, opening, texting, wrapping
from campaigns.models import MessageContent
from campaigns.models.blocks import LINE, LINES, LINK, RICH, TYPES
from coalition import preferences
from coalition.channels.letters import CLOSE, OPEN, FormLetter, Gaps, gap
from coalition.models import Address, Installation


def paragraphs_of(text):
    """Paragraphs, each a list of lines: an empty line parts them, a single break stays a break."""
    blocks = re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n").strip())
    return [[line.strip() for line in block.split("\n")] for block in blocks if block.strip()]


def absolute(url):
    """A path of this site as the world knows it; a whole address as it is."""
    return settings.PUBLIC_URL + url if url.startswith("/") else url


# Compiling


def _one_line(text):
    """A text that may hold gaps, without line breaks: a subject can never begin a second header."""
    return " ".join("".join(c if c.isprintable() or c in (OPEN, CLOSE) else " " for c in text).split())


def letter(content, installation, missing=frozenset(), *, tracked=False):
    """The email of one language as a letter with gaps, for people who lack the values named in `missing`.

    Besides merge fields it has the gap `token`, which opens that person's preferences and nothing else, and where it is
    `tracked`, the gap `click` in every link, and in a picture where openings are counted.
    """
    language = content.language
    with override(language):
        subject = _one_line(merge_fields.with_gaps(content.subject, missing))
        token = gap("token")
        parts = parts_of(content, missing, tracked=tracked)
        context = {
            "installation": installation,
            "language": language,
            "subject": subject,
            "preheader": _one_line(merge_fields.with_gaps(content.preheader, missing)),
            "padding": PADDING,
            "groups": _grouped(parts),
            "said": wrapping.text_of(parts),
            "browser_url": archiving.url_of(content.message, language),
            "trap_url": linking.trap(content.message) if tracked else "",
            "picture_url": opening.picture(installation) if tracked else "",
            "preferences_url": preferences.page_url(token, language),
            "unsubscribe_url": preferences.page_url(token, language) + "#stop",
            "public_url": settings.PUBLIC_URL,
        }
        html = _html(context)
        text = get_template("email/message.txt").template.render(Context(context, autoescape=False))
        headers = {
            "List-Unsubscribe": f"<{preferences.one_click_url(token)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-ID": list_id(installation),
            "Content-Language": language,
        }
    return FormLetter(
        subject=Gaps(subject),
        text=Gaps(re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"),
        html=Gaps(html.strip() + "\n"),
        headers={name: Gaps(value) for name, value in headers.items()},
        sender=sender_of(content, installation),
    )


# Stands after the preheader, so that a list of messages does not go on with the text: nothing to see or to hear.
PADDING = "\u034f\u00a0" * 60
CARDS = {"brief", "event", "action"}
WIDEST = 526  # pixels that a picture has: the column without its padding and border


def sender_of(content, installation):
    """The name that an email comes from, in its language."""
    return _one_line(merge_fields.unmarked(content.sender)) or installation.short_name.localize(content.language)


def parts_of(content, missing=frozenset(), *, tracked=False):
    """What an email says, block by block, ready for HTML and text: [{"type", …}]; a block without words is left out.

    Words hold gaps; `html` is clean HTML, everything else plain text. Addresses are whole.
    """
    message = content.message

    def lead(url):
        url = absolute(url)
        return linking.through(message, url) if tracked else url

    found = []
    for block in content.blocks:
        part = {"type": block["type"]}
        if block["type"] in CARDS:
            card = cards.of(block, content.language)
            if card is None:
                continue
            # Only what was written for this message holds merge fields; a title of a record does not.
            written = block["type"] == "action"
            own = (lambda text: merge_fields.with_gaps(text, missing)) if written else merge_fields.unmarked
            part |= {
                "type": "card",
                "title": _one_line(own(card.title)),
                "when": card.when,
                "paragraphs": paragraphs_of(own(card.text)),
                "label": _one_line(own(card.label)),
                "url": lead(card.url) if card.url else "",
            }
        for name, sort in TYPES[block["type"]].items() if block["type"] not in CARDS else ():
            value = block["value"].get(name)
            if sort == RICH:
                html = merge_fields.with_gaps(value or "", missing, html=True)
                part[name] = blocks.HREF.sub(lambda found: f'href="{escape(lead(unescape(found[1])))}"', html)
            elif sort == LINK:
                part[name] = lead(value) if value else ""
            elif sort == LINES:
                part["paragraphs"] = paragraphs_of(merge_fields.with_gaps(value or "", missing))
            elif sort == LINE:
                part[name] = _one_line(merge_fields.with_gaps(value or "", missing))
            else:
                part[name] = value
        if _says_something(part):
            if part["type"] == "picture":
                part |= {"src": absolute(part["src"]), "shown": min(part["width"] or WIDEST, WIDEST)}
            found.append(part)
    return found


class _Every(frozenset):
    """The names of all merge fields there are."""

    def __contains__(self, name):
        return True


def for_anybody(content):
    """What an email says to nobody in particular: {"subject", "preheader", "parts"}, every merge field by its fall-back
    and every link as it was written."""
    return {
        "subject": subject_for_anybody(content),
        "preheader": _one_line(merge_fields.with_gaps(content.preheader, _Every())),
        "parts": parts_of(content, _Every()),
    }


def subject_for_anybody(content):
    """The subject line, as `for_anybody` says it."""
    return _one_line(merge_fields.with_gaps(content.subject, _Every()))


def _says_something(part):
    match part["type"]:
        case "divider":
            return True
        case "picture":
            return bool(part["src"])
        case "button":
            return bool(part["label"] and part["url"])
    return any(part.get(name) for name in ("text", "html", "paragraphs", "title"))


def _grouped(parts):
    """Parts as the template sets them: a run of plain blocks shares a column, a card has its own."""
    groups = []
    for part in parts:
        if part["type"] == "card":
            groups.append({"cards": [part], "blocks": []})
        elif groups and groups[-1]["blocks"]:
            groups[-1]["blocks"].append(part)
        else:
            groups.append({"cards": [], "blocks": [part]})
    return groups


def _html(context):
    """HTML for mail programs. mrml quotes attributes as Rust does: what is not plain goes through it as numbers."""
    mjml = get_template("email/message.mjml").template.render(Context(context))
    css = get_template("email/message.css").template.render(Context(context, autoescape=False))
    numbered = mjml.replace("\\", "&#92;").encode("ascii", "xmlcharrefreplace").decode()
    inliner = css_inline.CSSInliner(
        inline_style_tags=False, keep_style_tags=True, load_remote_stylesheets=False, extra_css=css
    )
    no_fonts_of_others = mrml.RenderOptions(fonts={})  # else a letter asks Google for them, who then sees its readers
    return inliner.inline(mrml.to_html(numbered, None, no_fonts_of_others).content)


def list_id(installation):
    """The name of the list for mail programs (RFC 2919): it stays the same from message to message."""
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    name = str(installation.short_name).encode("ascii", "ignore").decode().replace('"', "").strip()
    return f'"{name}" <alerts.{domain}>' if name else f"<alerts.{domain}>"


# Filling


class Compiled:
    """The letters of a message in every language, made when the first person needs them.

    `tracked`: links lead through our own redirect, and the letter has the gap `click`.
    """

    def __init__(self, message, *, tracked=False):
        self.channel, self.tracked = message.channel, tracked
        self.installation = Installation.get()
        self.contents = {(content.language, content.variant): content for content in message.contents.all()}
        self._made, self._used = {}, {}

    @cached_property
    def own(self):
        """{key: field} of the coalition's own fields that any language names; what was retired since still fills."""
        written = "\n".join(map(merge_fields.words_of, self.contents.values()))
        return merge_fields.own_fields(merge_fields.fields_in(written), retired=True)

    @property
    def fields(self):
        """Every merge field that any language uses, and that can be filled."""
        used = frozenset().union(*(self._fields_of(words) for words in self.contents))
        return used & (merge_fields.FIELDS.keys() | self.own.keys())

    def _fields_of(self, words):
        if words not in self._used:
            self._used[words] = frozenset(merge_fields.fields_in(merge_fields.words_of(self.contents[words])))
        return self._used[words]

    def lacking(self, language, values, variant=MessageContent.FIRST):
        """The fields of a wording for which these values say nothing."""
        return frozenset(name for name in self._fields_of((language, variant)) if not values.get(name))

    def for_person(self, language, values, variant=MessageContent.FIRST):
        """The letter (email) or the words with gaps (text) for somebody with these values, by name."""
        words = (language, variant)
        missing = self.lacking(language, values, variant)
        key = (words, missing)
        if key not in self._made:
            content = self.contents[words]
            if self.channel == Address.Channel.EMAIL:
                made = letter(content, self.installation, missing, tracked=self.tracked)
            else:
                made = texting.words_of_text(content, self.installation, missing)
            self._made[key] = made
        return self._made[key]


KEPT = {}
KEEP_FOR = 30  # seconds: a corrected postal address reaches a message that is on its way
KEEP = 8


def compiled(message):
    """The letters of a message that is being sent, kept from batch to batch: its words are fixed by then."""
    now = time.monotonic()
    made, since = KEPT.get(message.pk, (None, 0.0))
    if made is None or now - since > KEEP_FOR:
        KEPT.pop(message.pk, None)
        while len(KEPT) >= KEEP:
            KEPT.pop(next(iter(KEPT)), None)
        made = Compiled(message, tracked=True)
        KEPT[message.pk] = made, now
    return made


@dataclass
class Rendered:
    """A message as one person gets it."""

    language: str
    subject: str = ""
    text: str = ""
    html: str = ""
    headers: dict = field(default_factory=dict)
    sender: str = ""
    preheader: str = ""


def render(content, person=None):
    """One language of a message as a person would get it, for looking at; its personal links are theirs.

    Without a person the merge fields are filled with long common values.
    """
    message = content.message
    letters = Compiled(message)
    letters.contents[content.language, content.variant] = content
    address = None
    if person is None:
        values = merge_fields.longest(letters.own, content.language)
    else:
        organization = merge_fields.organizations_of([person.pk]).get(person.pk) if person.pk else None
        speaks_for = organization.name_in(content.language) if organization else ""
        values = merge_fields.values_of(person, speaks_for, own=letters.own)
        address = person.primary(message.channel) if person.pk else None
    values["token"] = preferences.token_for(address.pk) if address else "-"
    made = letters.for_person(content.language, values, content.variant)
    if message.channel == Address.Channel.PHONE:
        return Rendered(content.language, text=made.fill(values))
    subject, text, html, headers = made.fill(values)
    lacking = letters.lacking(content.language, values, content.variant)
    preheader = Gaps(_one_line(merge_fields.with_gaps(content.preheader, lacking))).fill(values)
    return Rendered(content.language, subject, text, html, headers, made.sender, preheader)
