"""What is looked at before a message leaves, each with its reasons; some may be waived, by name (rules L2, E1, E2, A3).

What the law and the languages ask for stops a message; the rest warns. A waiver falls when the words change.
"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from html import unescape
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import answering, approving, audience, blocks, judging, merge_fields, rendering, wording
from campaigns.models import MessageContent, SplitTest, Waiver
from coalition import preferences
from coalition.checks import unnoted
from coalition.languages import name_in_text
from coalition.models import Address, Installation

EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
# A translation confirmed in the same sitting as its source is not older than it.
SAME_SITTING = timedelta(minutes=1)
STOPS, WARNS, FINE, BUSY = "stops", "warns", "fine", "busy"
WAIVABLE = ("languages", "partisan")
SUBJECT_ON_PHONES = 45  # characters that a phone shows of a subject, give or take
LAPTOP = ("127.0.0.1", "localhost", "::1")
SHOUTED = 8  # letters from which capitals alone are shouting
FILE_NAME = re.compile(r"^\S+\.(jpe?g|png|gif|webp|svg|heic)$|^(img|dsc|image|screenshot)[\W_]*\d+$", re.I)


@dataclass(frozen=True)
class Reason:
    """A sentence, and which words it is about: `place` is a field of the content, or the id of a block."""

    text: str
    language: str = ""
    variant: str = MessageContent.FIRST
    place: str = ""

    def __str__(self):
        return self.text


@dataclass
class Check:
    """One thing that was looked at. `level`: "stops", "warns", "fine" or "busy"; with a waiver, "stops" is "warns"."""

    key: str
    title: str
    level: str = FINE
    reasons: list = field(default_factory=list)
    note: str = ""  # what is well, where it is
    waiver: Waiver | None = None

    @property
    def waivable(self):
        return self.key in WAIVABLE and (self.level == STOPS or self.waiver is not None)


def checks(message, subject=None):
    """Everything that was looked at: what stops the message first, then what warns, then what is well.

    `subject`: the message under examination, where it is already.
    """
    subject = subject or Subject(message)
    found = [check for look in (*STOPPING, *WARNING) if (check := look(subject))]
    return sorted(found, key=lambda check: (STOPS, WARNS, BUSY, FINE).index(check.level))


def problems(message):
    """What keeps a message from leaving, in words for the organizer; an empty list when nothing does (rule L2).

    A waiver lets it leave although a language is missing, unread or broken: its readers get the unread text, or are
    held back where there is none that can leave.
    """
    subject = Subject(message)
    found = [check for look in STOPPING if (check := look(subject)) and check.level == STOPS]
    return [str(reason) for check in found for reason in check.reasons]


class Subject:
    """A message under examination: what several checks want to know is found out once."""

    def __init__(self, message):
        self.message = message
        self.by_email = message.channel == EMAIL
        self.installation = Installation.get()
        self.contents = list(message.contents.order_by("variant", "language"))
        for content in self.contents:
            content.message = message
        self.variants = sorted({content.variant for content in self.contents}) or [MessageContent.FIRST]
        self._faults, self._rendered, self._addresses = {}, {}, {}

    @cached_property
    def needed(self):
        return audience.needed_languages(self.message)

    @cached_property
    def read(self):
        """The written contents that somebody of the audience reads; all that are written while nobody is in it."""
        written = [content for content in self.contents if content.is_written]
        return [content for content in written if content.language in self.needed] or written

    def faults(self, content):
        """What is wrong with a content by itself, in words."""
        if content.pk not in self._faults:
            self._faults[content.pk] = judging.problems(content, draw=self.rendered)
        return self._faults[content.pk]

    def rendered(self, content):
        """The content as somebody would get it."""
        if content.pk not in self._rendered:
            self._rendered[content.pk] = rendering.render(content)
        return self._rendered[content.pk]

    def is_too_large(self, content):
        return self.faults(content) == [str(judging.TOO_LARGE)]

    @cached_property
    def within_bounds(self):
        """What is read, but for what is too large before it is drawn: that is neither drawn nor read closely."""
        return [content for content in self.read if not judging.is_overlong(content)]

    @cached_property
    def leaving(self):
        """[(content, as it would leave)] of the emails that can be rendered."""
        sound = [c for c in self.within_bounds if not self.faults(c) or self.is_too_large(c)]
        return [(content, self.rendered(content)) for content in sound]

    def addresses(self, content):
        """{address: where it stands} of what a content leads to and shows, whole."""
        if content.pk not in self._addresses:
            self._addresses[content.pk] = self._addresses_in(content)
        return self._addresses[content.pk]

    def _addresses_in(self, content):
        if not self.by_email:
            return dict.fromkeys(answering.links_in_text(content.body), "body")
        written = [(block["id"], url) for block, url in blocks.links_in(content.blocks)]
        shown = [(block["id"], block["value"].get("src")) for block in content.blocks if block["type"] == "picture"]
        cards = [("", url) for url in judging.links_of(content)]
        found = {}
        for place, url in [*written, *shown, *cards]:
            if url:
                found.setdefault(rendering.absolute(url), place)
        return found

    @cached_property
    def askable(self):
        """Every address that the message leads to or shows, each once, as it can be asked."""
        return answering.askable([url for content in self.read for url in self.addresses(content)])

    def name(self, content):
        """Which words a sentence is about: "Spanish", or "Spanish, variant B" where there are several."""
        label = str(dict(settings.LANGUAGES).get(content.language, content.language))
        if len(self.variants) == 1:
            return label
        return _("%(language)s, variant %(letter)s") % {"language": label, "letter": content.variant.upper()}

    def reason(self, content, text, place=""):
        return Reason(f"{self.name(content)}: {text}", content.language, content.variant, place)


def _check(key, title, reasons, *, level, note=""):
    reasons = [reason if isinstance(reason, Reason) else Reason(reason) for reason in reasons]
    return Check(key, title, level if reasons else FINE, reasons, "" if reasons else note)


def _waived(subject, check):
    if check.level == STOPS and (waiver := subject.message.waived(check.key)):
        check.waiver, check.level = waiver, WARNS
    return check


# What stops a message


def _provider(subject):
    reasons = []
    if subject.by_email and not settings.EMAIL_PROVIDER:
        reasons = [_("Email is switched off: no provider is set.")]
    elif not subject.by_email and not settings.TEXT_PROVIDER:
        reasons = [_("Texts are switched off: no provider is set.")]
    provider = settings.EMAIL_PROVIDER if subject.by_email else settings.TEXT_PROVIDER
    note = _("Nothing really leaves here: messages stay in the simulated outbox.") if provider == "simulated" else ""
    return _check("provider", _("A provider is set up"), reasons, level=STOPS, note=note)


def _address(subject):
    """CAN-SPAM, 16 CFR 316 (rule E2)."""
    if not subject.by_email:
        return None
    address, reasons = _bare(subject.installation.postal_address), []
    if not address:
        reasons = [_("The coalition's postal address is missing from its settings: every bulk email must show it.")]
    for content, letter in subject.leaving if address else ():
        if address not in _bare(letter.text) or address not in _bare(unescape(strip_tags(letter.html))):
            reasons.append(subject.reason(content, _("The postal address does not stand in what would leave.")))
    return _check("address", _("Postal address"), reasons, level=STOPS, note=subject.installation.postal_address)


def _bare(text):
    return re.sub(r"\W+", "", text).casefold()


def _audience(subject):
    reasons = [] if subject.needed else [_("Nobody in this audience can get it.")]
    return _check("audience", _("Somebody gets it"), reasons, level=STOPS)


def _words(subject):
    """What a waiver of the languages cannot give: something to send."""
    if not subject.needed or set(audience.written(subject.message)) & set(subject.needed):
        return None
    return _check("words", _("Something to send"), [_("There is no text yet that could leave.")], level=STOPS)


def _languages(subject):
    reasons, known = [], {(content.variant, content.language): content for content in subject.contents}
    begun = any(content.is_written or content.subject.strip() for content in subject.contents)
    for code, variant in ((code, variant) for code in subject.needed for variant in subject.variants):
        content, source = known.get((variant, code)), known.get((variant, settings.LANGUAGE_CODE))
        if content is None or not (content.is_written or content.subject.strip()):
            if begun:
                reasons.append(_missing(subject, code, variant))
            continue
        if not subject.is_too_large(content):
            reasons += [subject.reason(content, fault) for fault in subject.faults(content)]
        if content.reviewed_at is None:
            unread = _("%(language)s: nobody has read and confirmed this text yet.")
            reasons.append(Reason(unread % {"language": subject.name(content)}, code, variant, "reviewed"))
        elif source and source is not content and _is_older(content, source):
            older = _("%(language)s: the text it was translated from has changed since.")
            reasons.append(Reason(older % {"language": subject.name(content)}, code, variant, "reviewed"))
    note = _("Every language that its audience reads is written, read and confirmed.")
    check = _check("languages", _("Languages"), reasons, level=STOPS, note=note if begun and subject.needed else "")
    return _waived(subject, check)


def _missing(subject, code, variant):
    words = {"language": name_in_text(code), "letter": variant.upper()}
    if len(subject.variants) == 1:
        text = _("%(language)s is missing, and people in this audience read it.") % words
    else:
        text = _("%(language)s is missing from variant %(letter)s, and people in this audience read it.") % words
    return Reason(text, code, variant, "subject" if subject.by_email else "body")


def _is_older(content, source):
    return content.reviewed_at < source.updated_at and content.updated_at < source.updated_at - SAME_SITTING


def _partisan(subject):
    """Rule A3. The list is the administrator's; whether a word takes sides is for a person to say."""
    reasons = []
    for content in subject.read:
        for hit in wording.partisan(content, subject.installation.partisan_words):
            where = _("“%(word)s” may take a party's side: “%(around)s”") % {"word": hit.word, "around": hit.around}
            reasons.append(subject.reason(content, where, hit.passage.place))
    note = _("None of the words on the coalition's list stand in it.")
    return _waived(subject, _check("partisan", _("Non-partisan"), reasons, level=STOPS, note=note))


def _ways_out(subject):
    """One click in the mail program (RFC 8058, rule E1) and the preferences in the letter (rule E2)."""
    if not subject.by_email:
        return None
    reasons = []
    for content, letter in subject.leaving:
        one_click, page = preferences.one_click_url("-"), preferences.page_url("-", content.language)
        if (
            letter.headers.get("List-Unsubscribe") != f"<{one_click}>"
            or letter.headers.get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click"
        ):
            reasons.append(subject.reason(content, _("The headers for unsubscribing with one click are missing.")))
        if page not in letter.text or page not in unescape(letter.html):
            reasons.append(subject.reason(content, _("The link to each reader's preferences is missing.")))
    note = _("One click in the mail program, and a link to each reader's preferences.") if subject.leaving else ""
    return _check("ways_out", _("Links to unsubscribe"), reasons, level=STOPS, note=note)


def _https(subject):
    """Links lead over TLS, ours among them: one-click asks for it (RFC 8058, rule E1). A laptop has no certificate."""
    found, ours = {}, urlsplit(settings.PUBLIC_URL)
    if subject.by_email and ours.scheme == "http" and ours.hostname not in LAPTOP and not settings.DEBUG:
        text = _("Every link of ours would leave without encryption: PUBLIC_URL has to begin with https://.")
        found[settings.PUBLIC_URL] = Reason(text)
    for content in subject.read:
        for url, place in subject.addresses(content).items():
            if url.lower().startswith("http://") and not answering.is_ours(url) and not settings.DEBUG:
                text = _("This link is not https: %(url)s") % {"url": url}
                found.setdefault(url, subject.reason(content, text, place))
    return _check("https", _("Links are encrypted"), list(found.values()), level=STOPS) if found else None


def _size(subject):
    """Gmail cuts off at 102 kB (rule E6)."""
    if not subject.by_email:
        return None
    reasons = [
        subject.reason(content, fault)
        for content in subject.read
        if subject.is_too_large(content)
        for fault in subject.faults(content)
    ]
    largest = max((len(letter.html.encode()) for _content, letter in subject.leaving), default=0)
    note = _("%(size)s kB of at most 100.") % {"size": -(-largest // 1000)} if largest else ""
    return _check("size", _("Size"), reasons, level=STOPS, note=note)


def _approval(subject):
    stands = approving.standing(subject.message, subject.installation)
    names = {"name": stands.by or "—", "note": stands.note}
    level = STOPS if stands.misses else WARNS
    title = _("Second pair of eyes")
    match stands.state:
        case "approved":
            return Check("approval", title, note=_("%(name)s has read and approved it.") % names)
        case "asked" if stands.by:
            return _check("approval", title, [_("%(name)s was asked and has not answered yet.") % names], level=level)
        case "sent_back":
            text = _("%(name)s sent it back: “%(note)s”") if stands.note else _("%(name)s sent it back.")
            return _check("approval", title, [text % names], level=level)
    if not stands.misses:
        return None
    return _check("approval", title, [_("Somebody who did not write it last has to approve it.")], level=STOPS)


# What warns


def _links(subject):
    if not subject.askable:
        return None
    answers = answering.answers(subject.askable)
    reasons, busy = [], sum(answer.state == "busy" for answer in answers.values())
    for content in subject.read:
        for url, place in subject.addresses(content).items():
            asked = next(iter(answering.askable([url])), "")
            answer = answers.pop(asked, None)
            if answer and (sentence := _of_link(asked, answer)):
                reasons.append(subject.reason(content, sentence, place))
    well = ngettext("%(number)d address answers.", "%(number)d addresses answer.", len(subject.askable))
    check = _check("links", _("Links answer"), reasons, level=WARNS, note=well % {"number": len(subject.askable)})
    if busy:
        still = ngettext("%(number)d address is being asked.", "%(number)d addresses are being asked.", busy)
        check.level, check.note = BUSY, still % {"number": busy}
    return check


def _of_link(url, answer):
    """What is wrong with an address, in a sentence; empty where nothing is."""
    words = {"url": url.removeprefix(settings.PUBLIC_URL), "status": answer.status, "why": answer.why}
    if answer.state in ("fine", "busy"):
        return ""
    if answer.status in (404, 410):
        return _("There is no such page (%(status)d): %(url)s") % words
    if answer.status and answer.status >= 500:
        return _("The site reports a fault of its own (%(status)d): %(url)s") % words
    if answer.state == "bad" and answer.status:
        return _("The address is refused (%(status)d): %(url)s") % words
    if answer.state == "bad":
        return _("The address does not work, %(why)s: %(url)s") % words
    if answer.status:
        return _("The site answers no machines (%(status)d). Open it yourself: %(url)s") % words
    return _("The address could not be asked, %(why)s: %(url)s") % words


def _pictures(subject):
    """Who does not see a picture hears its words (rule E6)."""
    reasons, number, spoken = [], 0, {}
    for content in subject.read if subject.by_email else ():
        for block in content.blocks:
            if block["type"] != "picture":
                continue
            number += 1
            alt = " ".join((block["value"].get("alt") or "").split())
            if not alt:
                text = _("A picture has no words for those who do not see it.")
            elif FILE_NAME.match(alt):
                text = _("“%(alt)s” is a file's name, and says nothing of the picture.") % {"alt": alt}
            elif spoken.setdefault((content.variant, block["id"], alt), content.language) != content.language:
                text = _("“%(alt)s” stands there in another language too. Is it translated?") % {"alt": alt}
            else:
                continue
            reasons.append(subject.reason(content, text, block["id"]))
    if not number:
        return None
    note = _("Each has words for those who do not see it.")
    return _check("pictures", _("Pictures"), reasons, level=WARNS, note=note)


def _subject_line(subject):
    if not subject.by_email:
        return None
    reasons = []
    for content in subject.read:
        line = " ".join(merge_fields.FIELD.sub("", content.subject).split())
        letters = [c for c in line if c.isalpha()]
        if len(line) > SUBJECT_ON_PHONES:
            text = _("Phones show about %(most)d characters of a subject; this one has %(number)d.")
            text %= {"most": SUBJECT_ON_PHONES, "number": len(line)}
            reasons.append(subject.reason(content, text, "subject"))
        if len(letters) >= SHOUTED and sum(c.isupper() for c in letters) > 0.7 * len(letters):
            text = _("The subject is in capitals: it reads as shouting, and filters take it for spam.")
            reasons.append(subject.reason(content, text, "subject"))
        if re.match(r"\s*(re|fwd?|rv)\s*:", line, re.I):
            text = _("The subject looks like an answer to somebody, which it is not.")
            reasons.append(subject.reason(content, text, "subject"))
        if not content.preheader.strip():
            text = _("There is no preheader: mail programs show the first words of the email instead.")
            reasons.append(subject.reason(content, text, "preheader"))
    return _check("subject", _("Subject and preheader"), reasons, level=WARNS)


def _reading(subject):
    reasons, eases = [], []
    for content in subject.within_bounds:
        found = wording.reading(content)
        if found is None:
            continue
        eases.append(f"{subject.name(content)} {found.ease}")
        if found.ease < subject.installation.reading_ease:
            text = _("Hard to read: %(ease)d of 100, and %(least)d are wanted.")
            text %= {"ease": found.ease, "least": subject.installation.reading_ease}
            reasons.append(subject.reason(content, text))
            for words, sentence, place in found.longest:
                text = _("This sentence has %(words)d words: “%(sentence)s”") % {"words": words, "sentence": sentence}
                reasons.append(subject.reason(content, text, place))
    if not eases:
        return None
    return _check("reading", _("Easy to read"), reasons, level=WARNS, note=", ".join(eases))


def _sender(subject):
    """Whose name and domain it comes from: what services that take mail in look at first (rule E7)."""
    if not subject.by_email:
        return None
    reasons = [
        subject.reason(content, _("A sender's name with an address in it looks like a forgery."), "sender")
        for content in subject.read
        if re.search(r"@|://|www\.", content.sender, re.I)
    ]
    if settings.EMAIL_PROVIDER != "simulated" and (missing := unnoted()):
        text = _("No %(names)s is noted for the sending domain: many services take its email for spam.")
        reasons.append(Reason(text % {"names": ", ".join(name.removeprefix("EMAIL_") for name in missing)}))
    if not reasons and settings.EMAIL_PROVIDER == "simulated":
        return None
    return _check("sender", _("Sender"), reasons, level=WARNS, note=settings.DEFAULT_FROM_EMAIL)


def _wordings(subject):
    """Other wordings that no test sends reach nobody."""
    if len(subject.variants) < 2:
        return None
    tested = SplitTest.objects.filter(message=subject.message).exists()
    untested = Reason(_("Everybody would get wording A: set up the test of the others, or remove them."))
    note = _("Each wording goes to equally many people; the one that moves most of them to act goes to the rest.")
    return _check("wordings", _("Test of wordings"), [] if tested else [untested], level=WARNS, note=note)


STOPPING = (
    _provider,
    _address,
    _audience,
    _words,
    _languages,
    _partisan,
    _ways_out,
    _https,
    _size,
    _approval,
)
WARNING = (_links, _pictures, _subject_line, _reading, _sender, _wordings)
