"""Lists: people put together by hand, under a name."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from coalition import audit, timeline
from coalition.models import Entry, Listing, PeopleList, fold


class NameTaken(Exception):
    """There is a list of this name already."""


def named(name, *, but=None):
    """The list of this name, accents and case aside; or None."""
    wanted = fold(name)
    return next((held for held in PeopleList.objects.exclude(pk=but) if fold(held.name) == wanted), None)


@transaction.atomic
def keep(people_list, *, name, by=None):
    """Make a list, or give it another name. Raises NameTaken."""
    people_list.name = " ".join(name.split())
    if named(people_list.name, but=people_list.pk):
        raise NameTaken
    if people_list.pk is None:
        people_list.created_by = by
    try:
        with transaction.atomic():
            people_list.save()
    except IntegrityError:
        raise NameTaken from None
    return people_list


@transaction.atomic
def delete(people_list, *, by=None):
    """The list goes; the people on it stay."""
    audit.record(
        audit.Action.EDIT, people_list, details={"deleted": True, "people": people_list.listings.count()}, by=by
    )
    people_list.delete()


@transaction.atomic
def put_on(people_list, person, *, by=None):
    """Put one person on a list. Twice is once."""
    _listing, added = Listing.objects.get_or_create(people_list=people_list, person=person)
    if added:
        timeline.note(person, Entry.Kind.EDIT, _("Put on the list “%(name)s”"), {"name": people_list}, by=by)
    return added


@transaction.atomic
def take_off(people_list, person, *, by=None):
    """Take one person off a list."""
    gone, _each = Listing.objects.filter(people_list=people_list, person=person).delete()
    if gone:
        timeline.note(person, Entry.Kind.EDIT, _("Taken off the list “%(name)s”"), {"name": people_list}, by=by)
    return bool(gone)
