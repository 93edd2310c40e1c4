"""What people are told of a sign-on: notices to its representatives, lines on the timelines."""

from django.db.models import prefetch_related_objects
from django.urls import reverse
from django.utils import timezone

from coalition import notices, timeline
from coalition.models import Address, Entry

from .links import link


def reachable(person):
    """The email address a notice can go to, or None."""
    address = person.primary_email
    return address if address and not address.fault else None


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


def send_link(invitation):
    """A fresh link to the address on record, at most one an hour. Returns the notice, None where no email arrives."""
    version = invitation.round.publication.current_version
    hour = f"{timezone.now():%Y%m%d%H}"
    return owe("link", invitation, version, key=f"link-{invitation.pk}-{hour}")
