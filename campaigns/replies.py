"""The automatic words of the text programme: who we are, how often, what it costs, help, and the way out (S2, S5)."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from campaigns.models import ReplyTemplate
from coalition import notices
from coalition.models import Address, Installation

Kind = ReplyTemplate.Kind
CONFIRM_STOP_WITHIN = timedelta(minutes=5)  # rule S5; 47 CFR 64.1200(a)(12)
NOTICE_KIND = "text_{}"  # "text_stopped": what a notice of each kind is called


def wording(kind, language):
    """The words of an automatic reply: the administrator's in that language, else ours."""
    own = ReplyTemplate.objects.filter(kind=kind).first()
    words = getattr(own and own.text, "data", "")
    if isinstance(words, dict):
        words = words.get(language, "")
    if words:
        return words
    with override(language):
        return _default(kind, Installation.get())


def _default(kind, installation):
    values = {
        "brand": installation.short_name,
        "programme": installation.text_programme or _("Text alerts"),
        "number": installation.texts_a_month,
        "contact": installation.phone or installation.email,
    }
    return {
        Kind.ASK: _(
            "%(brand)s: %(programme)s, up to %(number)s texts a month. Message and data rates may apply. "
            "Reply YES to join, HELP for help, STOP to end."
        ),
        Kind.WELCOME: _(
            "%(brand)s: you are in. %(programme)s, up to %(number)s texts a month. "
            "Message and data rates may apply. Reply HELP for help, STOP to end."
        ),
        Kind.HELP: _(
            "%(brand)s: %(programme)s, up to %(number)s texts a month. Help: %(contact)s. "
            "Message and data rates may apply. Reply STOP to end."
        ),
        Kind.STOPPED: _("%(brand)s: you are off our list and will get no more texts. Changed your mind? Reply START."),
    }[kind] % values


def owe(kind, *, conversation, text, language=None, words=None):
    """Owe the number the one reply to this text. `language`: another than the conversation's; `words`: other words."""
    language = language or conversation.language
    return notices.write(
        NOTICE_KIND.format(kind),
        channel=Address.Channel.PHONE,
        value=conversation.number,
        language=language,
        person=conversation.person,
        key=f"text:{text.sid}",
        text=words or wording(kind, language),
        expires_at=timezone.now() + CONFIRM_STOP_WITHIN if kind == Kind.STOPPED else None,
    )


def thread_link(conversation):
    """Path of the conversation in the back office."""
    return reverse("conversations:inspect", args=[conversation.pk])
