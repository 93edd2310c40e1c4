"""The public archive: what was sent to many can be read on the site, in every language, with nobody's name in it."""

from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import override

from campaigns.audience import REACHES
from campaigns.models import Delivery, Message, MessageContent, SplitTest
from coalition.models import Address

State = Message.State
LEFT = (State.SENDING, State.PAUSED, State.RUNNING, State.SENT, State.CANCELLED)
GONE = [state for state in REACHES if state != Delivery.State.QUEUED]  # somebody has it, or may have it


def is_kept(message):
    """Whether a message stands in the archive, or will once it left."""
    return bool(
        message.pk and message.archived and not message.is_template and message.channel == Address.Channel.EMAIL
    )


def path_of(pk, language):
    with override(language):
        return reverse("campaigns:alert", args=[pk])


def url_of(message, language):
    """The absolute address of a message in the public archive; empty when it does not stand there."""
    return settings.PUBLIC_URL + path_of(message.pk, language) if is_kept(message) else ""


def kept(*, whole=False):
    """Messages that anybody may read, the newest first: those that somebody has, and so holds a link to.

    `whole`: with all that their contents say, not only what a list of them shows.
    """
    contents = MessageContent.objects.order_by("language", "variant")
    contents = contents if whole else contents.only("message", "language", "variant", "subject")
    some_left = Delivery.objects.filter(message=OuterRef("pk"), state__in=GONE)
    return (
        Message.objects.filter(
            Exists(some_left),
            state__in=LEFT,
            archived=True,
            is_template=False,
            channel=Address.Channel.EMAIL,
            started_at__lte=Now(),
        )
        .order_by("-started_at", "-pk")
        .prefetch_related(
            Prefetch("contents", contents), Prefetch("split_test", SplitTest.objects.only("message", "winners"))
        )
    )


def contents_of(message):
    """{language: content} of a message as the archive shows it: where wordings were tested, the one that won."""
    test = getattr(message, "split_test", None)
    winners = test.winners if test else {}
    found = {}
    for content in message.contents.all():
        if content.subject and content.variant == winners.get(content.language, MessageContent.FIRST):
            found[content.language] = content
    return found


def paths(message):
    """{language: path} of the languages that a message was written in."""
    return {language: path_of(message.pk, language) for language in contents_of(message)}


def sitemap():
    """[(address, changed at, {language: address})] of every message that stands there, once for each language."""
    found = []
    for message in kept():
        family = {code: settings.PUBLIC_URL + path for code, path in paths(message).items()}
        found += [(address, message.started_at, family) for address in family.values()]
    return found
