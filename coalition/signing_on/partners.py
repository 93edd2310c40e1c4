"""Tell partners what was recorded about them: those who may sign, each in their language, else the organization's
own address."""

from collections import defaultdict

from django.conf import settings
from django.db.models import prefetch_related_objects

from coalition import notices
from coalition.models import Address, Invitation, Representative

from .links import link
from .telling import reachable


def tell_partners(kind, version, said, *, key, by=None, signers=None, **context):
    """Owe one notice to everybody who may sign for these partners. Returns how many were written.

    `said`: {organization: the values of its notice}. `signers`: {key of an organization: key of the person who signed
    for it}; who still speaks for it is told alone. Three queries, and those of each notice.
    """
    prefetch_related_objects([version], "texts")
    speakers, invitations = _speakers(said), _invitations(version, said)
    written = 0
    for organization, values in said.items():
        theirs, signer = speakers[organization.pk], (signers or {}).get(organization.pk)
        theirs = [speaker for speaker in theirs if speaker.person_id == signer] or theirs
        told = [(speaker.person, reachable(speaker.person).value, speaker.person.language) for speaker in theirs]
        if not told and organization.email:
            told = [(None, organization.email, _language_of(organization))]
        for person, value, language in told:
            invitation = invitations.get((organization.pk, person.pk)) if person else None
            notices.write(
                kind,
                channel=Address.Channel.EMAIL,
                value=value,
                language=language,
                key=f"{key}-{organization.pk}-{person.pk if person else 0}",
                person=person,
                by=by,
                context={
                    "publication": version.publication,
                    "version": version,
                    "title": version.text_in(language).title,
                    "organization": organization.name_in(language),
                    "link": link(invitation, language) if invitation else "",
                    **context,
                    **values,
                },
            )
            written += 1
    return written


def _speakers(organizations):
    """{organization's key: [representatives who may sign and whom an email reaches]}."""
    found = defaultdict(list)
    held = Representative.objects.filter(organization__in=organizations, may_sign=True, person__binned_at=None)
    for speaker in held.select_related("person").prefetch_related("person__addresses"):
        if reachable(speaker.person):
            found[speaker.organization_id].append(speaker)
    return found


def _invitations(version, organizations):
    """{(organization's key, person's key): the newest invitation whose link opens}."""
    held = Invitation.objects.filter(
        organization__in=organizations, round__publication=version.publication_id, revoked_at=None
    ).exclude(representative=None)
    return {
        (i.organization_id, i.representative.person_id): i for i in held.select_related("representative").order_by("pk")
    }


def _language_of(organization):
    """The one language it works in, else the installation's first."""
    spoken = [code for code, _name in settings.LANGUAGES if code in organization.languages]
    return spoken[0] if len(spoken) == 1 else settings.LANGUAGE_CODE
