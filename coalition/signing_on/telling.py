"""What people are told of a sign-on: notices to its representatives, lines on the timelines."""

from django.db.models import prefetch_related_objects
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext, override

from coalition import languages, notices, timeline
from coalition.models import Address, Ask, Entry, Installation

from .links import link

TITLE_IN_A_TEXT = 60  # characters


def reachable(person):
    """The email address a notice can go to, or None."""
    address = person.primary_email
    return address if address and not address.fault else None


def texted(person):
    """The phone a text may go to, or None: only with a yes to texts on that very number (S1)."""
    phone = person.primary_phone
    return phone if phone and phone.is_open else None


def told(invitation, text, version, *, by=None, at=None, **values):
    """The same line for the timelines of the organization and of the person who speaks for it, unsaved."""
    person = invitation.representative.person if invitation.representative else None
    said = {
        "title": version.publication.title,
        "organization": invitation.organization.name,
        "number": version.number,
        "name": person or "",
        **values,
    }
    link = reverse("rounds:inspect", args=[invitation.round_id])
    return [
        timeline.entry(whose, Entry.Kind.SIGNATURE, text, said, link=link, by=by, at=at)
        for whose in filter(None, (person, invitation.organization))
    ]


def owe(kind, invitation, version, *, key, by=None, attachments=(), **context):
    """Write a notice to the person of an invitation, in their language; None where no email reaches them."""
    person = invitation.representative.person if invitation.representative else None
    address = person and reachable(person)
    if address is None:
        return None
    prefetch_related_objects([version], "texts")  # once for a whole round of invitations
    text = version.text_in(person.language)
    return notices.write(
        kind,
        channel=Address.Channel.EMAIL,
        value=address.value,
        language=person.language,
        key=key,
        person=person,
        by=by,
        attachments=attachments,
        context={
            "invitation": invitation,
            "round": invitation.round,
            "publication": version.publication,
            "version": version,
            "title": text.title,
            "summary": text.summary,
            "organization": invitation.organization.name_in(person.language),
            "link": link(invitation, person.language),
            **context,
        },
    )


def ask(kind, what, invitation, version, *, key, by=None, step=None, **context):
    """Owe a notice that wants an answer, and count it as an `Ask` of a kind. None where no email reaches them.

    `step`: how many days before the deadline it was due; None when somebody sends it by hand.
    """
    notice = owe(kind, invitation, version, key=key, by=by, **context)
    if notice:
        _count(what, invitation, Address.Channel.EMAIL, step)
    return notice


def ask_by_text(invitation, version, *, key, by=None, step=None):
    """Owe the short reminder to their phone; it leaves within quiet hours (S7) and not after the deadline. None where
    they never said yes to texts on that number (S1)."""
    person, round_ = invitation.representative.person, invitation.round
    phone = texted(person)
    if phone is None:
        return None
    prefetch_related_objects([version], "texts")
    with override(person.language):
        words = gettext(
            '%(brand)s: we have no answer yet from %(organization)s on "%(title)s". '
            "Please answer by %(day)s: %(link)s Reply STOP to end."
        ) % {
            "brand": Installation.get().short_name,
            "organization": invitation.organization.name_in(person.language),
            "title": Truncator(version.text_in(person.language).title).chars(TITLE_IN_A_TEXT),
            "day": languages.format_date(languages.local(round_.deadline, round_.zone), person.language),
            "link": link(invitation, person.language),
        }
    notice = notices.write(
        "sign_on_text",
        channel=Address.Channel.PHONE,
        value=phone.value,
        language=person.language,
        key=key,
        person=person,
        by=by,
        text=words,
        expires_at=round_.deadline,
    )
    _count(Ask.Kind.REMINDER, invitation, Address.Channel.PHONE, step)
    return notice


def _count(what, invitation, channel, step):
    Ask.objects.create(
        invitation=invitation,
        organization_id=invitation.organization_id,
        kind=what,
        channel=channel,
        step=step,
        at=timezone.now(),
    )


def send_link(invitation):
    """A fresh link to the address on record, at most one an hour. Returns the notice, None where no email arrives."""
    version = invitation.round.publication.current_version
    hour = f"{timezone.now():%Y%m%d%H}"
    return owe("link", invitation, version, key=f"link-{invitation.pk}-{hour}")
