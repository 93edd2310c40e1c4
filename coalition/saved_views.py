"""Saved views: the search, filters and order of a list under a name, for oneself or for everybody."""

from urllib.parse import parse_qsl, urlencode

from django.db import IntegrityError, transaction
from django.db.models import Q

from coalition.models import SavedView

NO_QUESTION = {"p", "view", "pk", "everybody", "what", "_w_filter_fragment", "csrfmiddlewaretoken"}


class NameTaken(Exception):
    """They have a view of this name already."""


def question(query, *, order=True):
    """What a query string asks of a list, in one form whatever the order of its parts: without page and ticks."""
    asked = [(k, v) for k, v in parse_qsl(query) if v.strip() and k not in NO_QUESTION and (order or k != "ordering")]
    return urlencode(sorted(asked))


def for_user(user, screen):
    """The views of a list that somebody sees: their own first, then those that others share."""
    held = SavedView.objects.filter(Q(owner=user) | Q(shared=True), screen=screen).select_related("owner")
    return sorted(held, key=lambda view: (view.owner_id != user.pk, view.name.casefold()))


@transaction.atomic
def keep(view, *, name, query=None, shared=False, start=False):
    """Keep a view, or change it. One of theirs may be what the list opens with. Raises NameTaken."""
    view.name, view.shared, view.start = " ".join(name.split()), shared, start
    if query is not None:
        view.query = question(query)
    theirs = SavedView.objects.filter(owner=view.owner, screen=view.screen).exclude(pk=view.pk)
    if theirs.filter(name__iexact=view.name).exists():
        raise NameTaken
    if start:
        theirs.filter(start=True).update(start=False)
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        raise NameTaken from None
    return view
