"""Criteria about where somebody lives, each answered by columns of the person."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.db.models.functions import Left
from django.db.models.lookups import GreaterThanOrEqual, In, LessThan
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from coalition import places
from coalition.places import CHOICES as STATES

from .registry import Criterion, Options, either, register


class Place(Criterion):
    family = gettext_lazy("Place")


def _in_zips(codes):
    """Whose ZIP code, without the four digits after the dash, is one of these: an index holds just that."""
    return Q(In(Left("zip", 5), list(codes)))


class NamesField(forms.CharField):
    """Names separated by commas."""

    def clean(self, value):
        return ", ".join(filter(None, (" ".join(name.split()) for name in super().clean(value).split(","))))


@register
class State(Place):
    key = "state"
    label = gettext_lazy("State")

    def fields(self):
        return {"value": Options(choices=STATES, label=gettext_lazy("Any of these states"))}

    def condition(self, cleaned):
        return Q(state__in=cleaned["value"])

    def sentence(self, cleaned):
        return _("live in %(place)s") % {"place": either(places.STATES[code] for code in cleaned["value"])}


@register
class County(Place):
    """By the county we keep, or by the ZIP code where none is kept."""

    key = "county"
    label = gettext_lazy("County")

    def fields(self):
        return {
            "value": NamesField(
                max_length=500,
                label=gettext_lazy("Counties"),
                help_text=gettext_lazy("Separated by commas: Hampden, Hampshire"),
            ),
            "state": forms.ChoiceField(
                choices=[("", gettext_lazy("In any state")), *STATES], required=False, label=gettext_lazy("State")
            ),
        }

    def clean(self, cleaned):
        for name in cleaned["value"].split(", "):
            if not places.zips_of_county(name, cleaned["state"]):
                said = gettext_lazy("No county is called “%(county)s”.")
                raise ValidationError({"value": ValidationError(said, params={"county": name[:60]})})

    def condition(self, cleaned):
        said = Q()
        for name in filter(None, cleaned["value"].split(", ")):
            bare = places.bare_county(name)
            said |= Q(county__iexact=bare) | Q(county__iexact=f"{bare} county")
            said |= Q(county="") & _in_zips(places.zips_of_county(name, cleaned["state"]))
        return said & Q(state=cleaned["state"]) if cleaned["state"] else said

    def sentence(self, cleaned):
        names = either(places.bare_county(name).title() for name in cleaned["value"].split(", "))
        if cleaned["state"]:
            return _("live in the county %(county)s in %(state)s") % {
                "county": names,
                "state": places.STATES[cleaned["state"]],
            }
        return _("live in the county %(county)s") % {"county": names}


@register
class City(Place):
    key = "city"
    label = gettext_lazy("City")

    def fields(self):
        return {
            "value": NamesField(
                max_length=500,
                label=gettext_lazy("Cities, separated by commas"),
                widget=forms.TextInput(attrs={"placeholder": "Springfield, Holyoke"}),
            )
        }

    def condition(self, cleaned):
        said = Q()
        for city in filter(None, cleaned["value"].split(", ")):
            said |= Q(city__iexact=city)
        return said

    def sentence(self, cleaned):
        return _("live in %(place)s") % {"place": either(cleaned["value"].split(", "))}


class ZipsField(forms.CharField):
    """ZIP codes or their beginnings, separated by commas or blanks: "010, 02108"."""

    def clean(self, value):
        starts = [z.rstrip("*") for z in super().clean(value).replace(",", " ").replace(";", " ").split()]
        wrong = [z for z in starts if not (z.isascii() and z.isdigit() and len(z) <= 5)]
        if wrong:
            raise ValidationError(
                gettext_lazy("“%(zip)s” is not a ZIP code or the beginning of one."), params={"zip": wrong[0][:20]}
            )
        return ", ".join(starts)


@register
class Zip(Place):
    key = "zip"
    label = gettext_lazy("ZIP code")

    def fields(self):
        return {
            "value": ZipsField(
                max_length=8000,
                label=gettext_lazy("ZIP codes"),
                help_text=gettext_lazy("Whole ones or how they begin, separated by commas: 01103, 021"),
                widget=forms.Textarea(attrs={"rows": 2}),
            )
        }

    def condition(self, cleaned):
        starts = cleaned["value"].split(", ")
        whole = [start for start in starts if len(start) == 5]
        said = _in_zips(whole) if whole else Q()
        # Ranges rather than LIKE, so that a plain index answers whatever the database's collation.
        for start in filter(lambda start: len(start) < 5, starts):
            following = str(int(start) + 1).zfill(len(start))
            beginning = Q(GreaterThanOrEqual(Left("zip", 5), start))
            said |= beginning & Q(LessThan(Left("zip", 5), following)) if len(following) == len(start) else beginning
        return said

    def sentence(self, cleaned):
        starts = cleaned["value"].split(", ")
        return _("have a ZIP code that is or begins with %(zips)s") % {"zips": either(starts)}


class OneZipField(forms.CharField):
    def clean(self, value):
        value = places.zip_code(super().clean(value))[:5]
        if not places.is_known_zip(value):
            raise ValidationError(gettext_lazy("Enter a ZIP code of five digits, such as 01103."))
        return value


@register
class Near(Place):
    """By the middle of ZIP codes."""

    key = "near"
    label = gettext_lazy("Distance from a ZIP code")

    def fields(self):
        return {
            "miles": forms.IntegerField(
                min_value=1,
                max_value=500,
                label=gettext_lazy("Miles"),
                widget=forms.NumberInput(attrs={"inputmode": "numeric", "placeholder": "25"}),
            ),
            "zip": OneZipField(
                max_length=10,
                label=gettext_lazy("From this ZIP code"),
                widget=forms.TextInput(attrs={"inputmode": "numeric", "placeholder": "01103"}),
            ),
        }

    def condition(self, cleaned):
        return _in_zips(places.zips_within(cleaned["zip"], cleaned["miles"]))

    def sentence(self, cleaned):
        return _("live within %(miles)d miles of %(zip)s") % {"miles": cleaned["miles"], "zip": cleaned["zip"]}
