"""Joining by text: a keyword asks, a plain yes confirms. Only the yes opens the number, in the words shown (S1, S2)."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns import replies, stopping
from coalition import consent, people, timeline
from coalition.models import Address, Consent, Entry, Notice, Tagging

PHONE = Address.Channel.PHONE
Source = Consent.Source


def _address(conversation, language, source):
    """The record that joins: of those who share the number one who reads this language, else the longest known."""
    holders = list(people.find(PHONE, conversation.number))
    person = next((p for p in holders if p.language == language), None) or next(iter(holders), None)
    if person is None:
        person = people.recognise(phone=conversation.number, language=language, source=source)
    return person.addresses.select_for_update().get(channel=PHONE, value=conversation.number)


@transaction.atomic
def ask(conversation, text, *, keyword=None):
    """Answer a join word (or START from a number that never joined) by asking for a yes, in the keyword's language.

    Who is in already is told so again. Raises ValidationError for a number that cannot be a phone's.
    """
    language = keyword.language if keyword else conversation.language
    address = _address(conversation, language, keyword.word if keyword else _("a text"))
    conversation.person, conversation.language, conversation.keyword = address.person, language, keyword
    conversation.save(update_fields=["person", "language", "keyword"])
    words = replies.wording(replies.Kind.ASK, language)
    if consent.ask(address, wording=words, language=language, source=Source.KEYWORD, evidence=text.sid):
        replies.owe(replies.Kind.ASK, conversation=conversation, text=text, words=words)
    else:
        _welcome(conversation, address, text)


@transaction.atomic
def confirm(conversation, text):
    """A plain yes to what was asked: the consent, word for word, then the welcome. False when nothing was asked.

    Where several share the number, the yes is for whom we asked last: those are the words that stand on the phone.
    """
    asked = Address.objects.at(PHONE, conversation.number).filter(consent=Address.Consent.ASKED)
    address = asked.select_for_update(of=("self",)).select_related("person").order_by("-consent_at", "-pk").first()
    line = address and address.history.filter(state=Address.Consent.ASKED).exclude(wording="").first()
    if line is None:
        return False
    if conversation.person_id != address.person_id:
        conversation.person, conversation.language = address.person, line.language
        conversation.save(update_fields=["person", "language"])
    _grant(address, wording=line.wording, language=line.language, text=text)
    _welcome(conversation, address, text)
    return True


@transaction.atomic
def come_back(conversation, text):
    """START undoes a STOP where our own confirmation offered it; otherwise it asks like a join word."""
    offer = Notice.objects.filter(
        channel=PHONE,
        value=conversation.number,
        kind=replies.NOTICE_KIND.format(replies.Kind.STOPPED),
        state__in=[Notice.State.SENT, Notice.State.DELIVERED],
    ).first()
    address = Address.objects.at(PHONE, conversation.number).filter(person=conversation.person).first()
    if not (offer and address and stopping.is_stopped(conversation.number)):
        ask(conversation, text)
        return
    _grant(address, wording=offer.text, language=offer.language, text=text)
    _welcome(conversation, address, text)


def _grant(address, *, wording, language, text):
    consent.grant(address, wording=wording, language=language, source=Source.REPLY, evidence=text.sid)
    # They chose this phone just now; bulk texts go to the primary one.
    other = address.person.addresses.filter(channel=PHONE, primary=True).exclude(pk=address.pk).first()
    if not address.primary and not (other and other.is_open):
        address.person.addresses.filter(channel=PHONE, primary=True).update(primary=False)
        Address.objects.filter(pk=address.pk).update(primary=True)


def _welcome(conversation, address, text):
    keyword = conversation.keyword
    if keyword:
        tagged = keyword.tag and Tagging.objects.get_or_create(tag=keyword.tag, person=address.person)[1]
        values = {"word": keyword.word}
        if tagged:
            said, link = _("Joined by texting %(word)s"), replies.thread_link(conversation)
            timeline.note(address.person, Entry.Kind.JOINED, said, values, link=link, at=text.at)
        conversation.keyword = None
        conversation.save(update_fields=["keyword"])
    replies.owe(replies.Kind.WELCOME, conversation=conversation, text=text)
