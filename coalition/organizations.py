"""Organizations: who is in the coalition, and who speaks for each."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from coalition import people, timeline
from coalition.models import Entry, Representative


@transaction.atomic
def keep(organization, *, by=None):
    """Add an organization, or keep what was changed about it."""
    added = organization.pk is None
    organization.save()
    said = _("Added to the coalition's organizations") if added else _("What is known of the organization was changed")
    timeline.note(organization, Entry.Kind.JOINED if added else Entry.Kind.EDIT, said, by=by)
    return organization


@transaction.atomic
def add_representative(organization, *, name, email, language, role, title, may_sign, by=None):
    """Let a person speak for an organization; found by name and email, else added. One person has one role."""
    person = people.recognise(name=name, email=email, language=language, source=organization.name)
    representative, added = Representative.objects.update_or_create(
        organization=organization, person=person, defaults={"role": role, "title": title, "may_sign": may_sign}
    )
    if added:
        said = {"person": person, "organization": organization}
        timeline.note(organization, Entry.Kind.EDIT, _("%(person)s now speaks for it"), said, by=by)
        timeline.note(person, Entry.Kind.EDIT, _("Now speaks for %(organization)s"), said, by=by)
    return representative


@transaction.atomic
def remove_representative(representative, *, by=None):
    """They no longer speak for it. What they signed stands: a decision keeps its signer's name and title."""
    organization, person = representative.organization, representative.person
    representative.delete()
    said = {"person": person, "organization": organization}
    timeline.note(organization, Entry.Kind.EDIT, _("%(person)s no longer speaks for it"), said, by=by)
    timeline.note(person, Entry.Kind.EDIT, _("No longer speaks for %(organization)s"), said, by=by)
