"""Criteria about who somebody is: tags, lists, language, how they can be reached, whom they stand for."""

import re
import secrets

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import BigIntegerField, Exists, F, Func, OuterRef, Q
from django.db.models.lookups import LessThan
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from coalition import uniting
from coalition.models import (
    Address,
    Listing,
    Membership,
    Organization,
    PeopleList,
    Representative,
    Segment,
    Tag,
    Tagging,
    TagGroup,
)

from .compiling import condition_of, needs_of
from .registry import Criterion, Several, both, either, register, shown


@register
class Tagged(Criterion):
    key = "tag"
    label = gettext_lazy("Tags")

    def fields(self):
        return {
            "value": Several(queryset=Tag.objects.all(), required=False, label=gettext_lazy("Tags")),
            "groups": Several(
                queryset=TagGroup.objects.all(), required=False, label=gettext_lazy("Or any tag of a group")
            ),
            "how": forms.ChoiceField(
                choices=[("", gettext_lazy("any of them")), ("all", gettext_lazy("all of them"))],
                required=False,
                label=gettext_lazy("How many must they have?"),
            ),
        }

    def condition(self, cleaned):
        held = Tagging.objects.filter(person=OuterRef("pk"))
        tags = [tag.pk for tag in cleaned["value"]]
        groups = [group.pk for group in cleaned.get("groups") or ()]
        said = Q()
        if cleaned.get("how") == "all":
            for tag in tags:
                said &= Q(Exists(held.filter(tag=tag)))
            for group in groups:
                said &= Q(Exists(held.filter(tag__in=_tags_of([group]))))
            return said
        tags += [tag for tag in _tags_of(groups) if tag not in tags] if groups else []
        if tags or groups:
            said = Q(Exists(held.filter(tag__in=tags)))
        return said

    def sentence(self, cleaned):
        names = [_("“%(name)s”") % {"name": tag} for tag in cleaned["value"]]
        names += [_("any of “%(group)s”") % {"group": group} for group in cleaned["groups"]]
        joined = both(names) if cleaned["how"] == "all" else either(names)
        return _("have the tag %(tags)s") % {"tags": joined}


def _tags_of(groups):
    return list(Tag.objects.filter(group__in=groups).values_list("pk", flat=True))


@register
class OnList(Criterion):
    key = "list"
    label = gettext_lazy("On a list")

    def fields(self):
        return {"value": Several(queryset=PeopleList.objects.all(), label=gettext_lazy("Any of these lists"))}

    def condition(self, cleaned):
        lists = [chosen.pk for chosen in cleaned["value"]]
        return Exists(Listing.objects.filter(person=OuterRef("pk"), people_list__in=lists))

    def sentence(self, cleaned):
        return _("are on the list %(lists)s") % {"lists": either(f"“{chosen}”" for chosen in cleaned["value"])}


@register
class Language(Criterion):
    key = "language"
    label = gettext_lazy("Language")

    def fields(self):
        return {"value": forms.ChoiceField(choices=settings.LANGUAGES, label=gettext_lazy("Reads and writes"))}

    def condition(self, cleaned):
        return Q(language=cleaned["value"])

    def sentence(self, cleaned):
        return _("read and write %(language)s") % {"language": self.words(cleaned)}


class Reach(Criterion):
    family = gettext_lazy("Reachable")
    channel = ""
    STATES = [
        ("open", gettext_lazy("said yes, and it works")),
        ("none", gettext_lazy("never said yes or no")),
        ("withdrawn", gettext_lazy("said stop")),
        ("fault", gettext_lazy("has an address that does not work")),
        ("missing", gettext_lazy("has no address")),
    ]

    def fields(self):
        return {"value": forms.ChoiceField(choices=self.STATES, label=gettext_lazy("How it stands"))}

    def condition(self, cleaned):
        held = Address.objects.filter(person=OuterRef("pk"), channel=self.channel)
        match cleaned["value"]:
            case "open":
                return Exists(held.open().filter(primary=True))
            case "none":
                return Exists(held.filter(primary=True, consent__in=["none", "asked"]))
            case "withdrawn":
                return Exists(held.filter(consent="withdrawn"))
            case "fault":
                return Exists(held.filter(primary=True).exclude(fault=""))
        return ~Exists(held)

    def sentence(self, cleaned):
        return self.SENTENCES[cleaned["value"]]


@register
class ByEmail(Reach):
    key = "email"
    label = gettext_lazy("By email")
    channel = Address.Channel.EMAIL
    SENTENCES = {
        "open": gettext_lazy("said yes to email at an address that works"),
        "none": gettext_lazy("never said yes or no to email"),
        "withdrawn": gettext_lazy("said stop to email"),
        "fault": gettext_lazy("have an email address that does not work"),
        "missing": gettext_lazy("have no email address"),
    }


@register
class ByText(Reach):
    key = "text"
    label = gettext_lazy("By text")
    channel = Address.Channel.PHONE
    SENTENCES = {
        "open": gettext_lazy("said yes to texts at a number that works"),
        "none": gettext_lazy("never said yes or no to texts"),
        "withdrawn": gettext_lazy("said stop to texts"),
        "fault": gettext_lazy("have a number that gets no texts"),
        "missing": gettext_lazy("have no phone number"),
    }


class Organizations(Several):
    """Organizations to tick; one that was merged into another since counts as that one."""

    def clean(self, value):
        value = [value] if isinstance(value, int | str) and value else value
        return super().clean(uniting.keys_now(value) if isinstance(value, list | tuple) else value)

    def prepare_value(self, value):
        value = super().prepare_value(value)
        return uniting.keys_now(value) if isinstance(value, list | tuple) else value


@register
class Represents(Criterion):
    key = "organization"
    label = gettext_lazy("Organization and role")
    family = gettext_lazy("Organizations")
    SPEAKS, MEMBER = "representative", "member"

    def fields(self):
        return {
            "organizations": Organizations(
                queryset=Organization.objects.present(),
                required=False,
                label=gettext_lazy("Organizations"),
                help_text=gettext_lazy("None chosen means any."),
            ),
            "role": forms.ChoiceField(
                choices=[
                    ("", gettext_lazy("In any role")),
                    (self.MEMBER, gettext_lazy("Member")),
                    (self.SPEAKS, gettext_lazy("Any representative")),
                    *Representative.Role.choices,
                ],
                required=False,
                label=gettext_lazy("Role"),
            ),
        }

    def condition(self, cleaned):
        held = {"person": OuterRef("pk")}
        if chosen := [organization.pk for organization in cleaned["organizations"]]:
            held["organization__in"] = chosen
        role = cleaned["role"]
        speaks, belongs = Representative.objects.filter(**held), Membership.objects.filter(**held)
        if role == self.MEMBER:
            return Exists(belongs)
        if role in ("", self.SPEAKS):
            return Exists(speaks) if role else Q(Exists(speaks)) | Q(Exists(belongs))
        return Exists(speaks.filter(role=role))

    def sentence(self, cleaned):
        chosen, role = cleaned["organizations"], cleaned["role"]
        which = {"organization": either(chosen) if chosen else _("an organization")}
        if not role:
            return _("belong to or speak for %(organization)s") % which
        if role == self.MEMBER:
            return _("are members of %(organization)s") % which
        if role == self.SPEAKS:
            return _("speak for %(organization)s") % which
        return _("speak for %(organization)s (%(role)s)") % which | {"role": shown(self.fields()["role"], role)}


class Percent(forms.DecimalField):
    def __init__(self, **kwargs):
        super().__init__(min_value=0.1, max_value=99.9, decimal_places=1, max_digits=3, **kwargs)

    def to_python(self, value):
        return super().to_python(str(value).strip().removesuffix("%") if value else value)


@register
class Share(Criterion):
    """The same people each time: a hash of the person and of the draw, which is made once for each criterion."""

    key = "share"
    label = gettext_lazy("A random share")
    family = gettext_lazy("Saved and random")

    def fields(self):
        return {
            "percent": Percent(
                label=gettext_lazy("Percent"),
                help_text=gettext_lazy("The same people each time. Who joins later is drawn as well."),
            ),
            "draw": forms.CharField(widget=forms.HiddenInput, initial=lambda: secrets.token_hex(4), required=False),
        }

    def clean(self, cleaned):
        if not re.fullmatch("[0-9a-f]{8}", cleaned["draw"]):
            raise ValidationError(gettext_lazy("This share was not drawn. Remove it and add it again."))

    def condition(self, cleaned):
        # PostgreSQL promises that this hash stays: partitions rest on it.
        drawn = Func(F("pk"), int(cleaned["draw"], 16), function="hashint8extended", output_field=BigIntegerField())
        return Q(LessThan(drawn.bitand(0x7FFFFFFF) % 1000, int(cleaned["percent"] * 10)))

    def sentence(self, cleaned):
        return _("are in a random %(percent)s percent") % {"percent": f"{cleaned['percent']:f}".removesuffix(".0")}


@register
class InSegment(Criterion):
    key = "segment"
    nests = True
    label = gettext_lazy("In a saved segment")
    family = gettext_lazy("Saved and random")

    def fields(self):
        return {
            "value": forms.ModelChoiceField(queryset=Segment.objects.order_by("name"), label=gettext_lazy("Segment"))
        }

    def condition(self, cleaned):
        return condition_of(cleaned["value"])

    def needs(self, cleaned):
        return needs_of(cleaned["value"]) if cleaned.get("value") else set()

    def sentence(self, cleaned):
        return _("are in the segment “%(segment)s”") % {"segment": cleaned["value"]}
