"""What the list of people can be asked, and whom its address finds: for the page, for bulk actions and exports."""

from datetime import datetime, time

from django import forms
from django.db.models import Exists, OuterRef, Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_filters import CharFilter, ChoiceFilter, DateFilter, ModelChoiceFilter
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.widgets import AdminDateInput

from coalition import segments
from coalition.models import (
    Address,
    Import,
    ImportedRow,
    Listing,
    Membership,
    Organization,
    PeopleList,
    Person,
    Representative,
    Segment,
    Tag,
    Tagging,
)
from coalition.places import CHOICES

AT_MOST = 1000  # people chosen one by one
REACH = [
    ("open", _("said yes, and it works")),
    ("none", _("never said yes or no")),
    ("withdrawn", _("said stop")),
    ("fault", _("has an address that does not work")),
    ("missing", _("has no address")),
]


def reach_condition(channel, state):
    """People by how they stand with a channel."""
    held = Address.objects.filter(person=OuterRef("pk"), channel=channel)
    match state:
        case "open":
            return Exists(held.open().filter(primary=True))
        case "none":
            return Exists(held.filter(primary=True, consent__in=[Address.Consent.NONE, Address.Consent.ASKED]))
        case "withdrawn":
            return Exists(held.filter(consent=Address.Consent.WITHDRAWN))
        case "fault":
            return Exists(held.filter(primary=True).exclude(fault=""))
    return ~Exists(held)


def _here(queryset, model, **held):
    return queryset.filter(Exists(model.objects.filter(person=OuterRef("pk"), **held)))


class PeopleFilters(WagtailFilterSet):
    """Filters of the list. Each is one index scan; none joins."""

    state = ChoiceFilter(label=_("State"), choices=CHOICES)
    tag = ModelChoiceFilter(label=_("Tag"), queryset=Tag.objects.all(), method="by_tag")
    list = ModelChoiceFilter(label=_("List"), queryset=PeopleList.objects.all(), method="by_list")
    organization = ModelChoiceFilter(
        label=_("Organization"), queryset=Organization.objects.present(), method="by_organization"
    )
    segment = ModelChoiceFilter(label=_("Segment"), queryset=Segment.objects.all(), method="by_segment")
    email = ChoiceFilter(label=_("By email"), choices=REACH, method="by_reach", widget=forms.RadioSelect)
    text = ChoiceFilter(label=_("By text"), choices=REACH, method="by_reach", widget=forms.RadioSelect)
    batch = ModelChoiceFilter(
        label=pgettext_lazy("what happened", "Import"),
        queryset=Import.objects.exclude(state__in=[Import.State.UPLOADED, Import.State.UNDONE]),
        method="by_import",
    )
    since = DateFilter(label=_("Added since"), widget=AdminDateInput, method="added")
    bin = CharFilter(method="nothing", widget=forms.HiddenInput)

    class Meta:
        model = Person
        fields = ["language", "state", "tag", "list", "organization", "segment", "email", "text", "batch", "since"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        user = getattr(self.request, "user", None)
        if "segment" in self.filters and user is not None and not user.has_perm("coalition.view_segment"):
            del self.filters["segment"]
        elif "segment" in self.filters and user is not None:
            self.filters["segment"].queryset = segments.listable(user)
            self.filters["segment"].field.queryset = segments.listable(user)

    def by_tag(self, queryset, name, value):
        return _here(queryset, Tagging, tag=value)

    def by_list(self, queryset, name, value):
        return _here(queryset, Listing, people_list=value)

    def by_organization(self, queryset, name, value):
        speaks, belongs = (
            Exists(model.objects.filter(person=OuterRef("pk"), organization=value))
            for model in (Representative, Membership)
        )
        return queryset.filter(Q(speaks) | Q(belongs))

    def by_segment(self, queryset, name, value):
        return queryset.filter(pk__in=segments.people(value).values("pk"))

    def by_reach(self, queryset, name, value):
        channel = Address.Channel.EMAIL if name == "email" else Address.Channel.PHONE
        return queryset.filter(reach_condition(channel, value))

    def by_import(self, queryset, name, value):
        return _here(queryset, ImportedRow, batch=value)

    def added(self, queryset, name, value):
        return queryset.filter(created_at__gte=timezone.make_aware(datetime.combine(value, time.min)))

    def nothing(self, queryset, name, value):
        return queryset


def is_bin(query):
    return bool(query.get("bin"))


def found(query, request=None):
    """People whom a query string (or QueryDict) of the list finds: its search, filters, and whom it names by `pk`.

    What cannot be understood finds nobody, so that a mistake never widens what is done to people.
    """
    asked = query if isinstance(query, QueryDict) else QueryDict(query)
    people = Person.objects.binned() if is_bin(asked) else Person.objects.present()
    filters = PeopleFilters(asked, people, request=request)
    if not filters.is_valid():
        return people.none()
    people = filters.filter_queryset(people).search(asked.get("q", ""))
    if "pk" in asked:
        chosen = asked.getlist("pk")[:AT_MOST]
        people = people.filter(pk__in=[int(pk) for pk in chosen if pk.isascii() and pk.isdigit() and len(pk) < 19])
    return people
