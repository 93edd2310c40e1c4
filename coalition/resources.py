"""What leaves as a file: a row for each person or organization, in columns that an import takes back
(django-import-export). What is sealed or sensitive has no column.

A door picks the resource and hands its rows to the verb `exporting.counted`, which knows nothing of this layer.
Rows are read in chunks; what a chunk needs of other tables is fetched for all of it at once and held in `more`.
"""

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice

from django.conf import settings
from django.db.models import Count
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from import_export import fields, resources, widgets

from coalition import custom
from coalition.models import (
    Address,
    Export,
    ExternalId,
    Listing,
    Membership,
    Organization,
    Person,
    Representative,
    Tagging,
)

WHO, REACH, PLACE = _("Who"), _("How to reach them"), _("Where they live")
BELONGING, HISTORY, OWN = _("Where they belong"), _("Since when"), _("Your fields")
PARTNER, ABOUT, SIGNED = _("Partnership"), _("What it is"), _("The signature")
EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
DAY = widgets.DateTimeWidget(format="%Y-%m-%d")


class Column(fields.Field):
    """A column under the heading `group`: `needs` names what is fetched along, `proposed` is ticked at first."""

    def __init__(self, column_name, group, *, needs=(), proposed=False, **kwargs):
        super().__init__(column_name=column_name, **kwargs)
        self.group, self.needs, self.proposed = group, needs, proposed


class Number(Column):
    """A number that stays one in a workbook."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, widget=widgets.IntegerWidget(coerce_to_string=False), **kwargs)


class Day(Column):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, widget=DAY, **kwargs)


class Joined(Column):
    """The words that `more` holds for each row under the name of the column, in one cell."""


class ListResource(resources.ModelResource):
    """Headers in the reader's language, the coalition's own fields last, and rows that are never held all at once."""

    DEFAULT_RESOURCE_FIELD = Column

    class Meta:
        chunk_size = 1000

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.more, self.needs = {}, set()
        for name, field in self.fields.items():
            if isinstance(field, Joined):
                field.needs, field.dehydrate_method = (name,), partial(self._joined, name)
        for field in custom.fields_of(self._meta.model, sealed=False):
            self.fields[f"custom.{field.key}"] = Column(str(field.label), OWN, dehydrate_method=partial(_own, field))

    @property
    def columns(self):
        """{name: Column} in the order of the file."""
        return {name: self.fields[name] for name in self.get_export_order() if name in self.fields}

    def get_export_headers(self, selected_fields=None):
        return [capfirst(header) for header in super().get_export_headers(selected_fields)]

    def before_export(self, queryset, **kwargs):
        self.needs = {need for field in self.get_export_fields(kwargs.get("export_fields")) for need in field.needs}

    def iter_queryset(self, queryset):
        """Rows by a cursor of the server's, which holds none of them here."""
        rows = super().iter_queryset(queryset.prefetch_related(None))
        while chunk := list(islice(rows, self.get_chunk_size())):
            pks = [row.pk for row in chunk]
            self.more = {need: getattr(self, f"more_{need}")(pks) for need in self.needs}
            yield from chunk

    def export_rows(self, queryset, names):
        """What `export` gathers in a Dataset, a row at a time: lists of cells, in the columns of these names."""
        self.before_export(queryset, export_fields=names)
        chosen = self.get_export_fields(names)
        with closing(self.iter_queryset(queryset)) as rows:
            for row in rows:
                yield [self.export_field(field, row) for field in chosen]

    def _joined(self, name, row):
        return ", ".join(self.more[name].get(row.pk, ()))


class PersonResource(ListResource):
    id = Number(_("Number here"), WHO, attribute="pk")
    given_name = Column(_("First name"), WHO, attribute="given_name", proposed=True)
    family_name = Column(_("Last name"), WHO, attribute="family_name", proposed=True)
    name = Column(_("Full name"), WHO, attribute="name", proposed=True)
    language = Column(_("Language"), WHO, attribute="language", proposed=True)
    email = Column(_("Email"), REACH, needs=["addresses"], proposed=True)
    email_consent = Column(_("Email consent"), REACH, needs=["addresses"], proposed=True)
    email_since = Column(_("Email consent since"), REACH, needs=["addresses"])
    emails = Column(_("Other emails"), REACH, needs=["addresses"])
    phone = Column(_("Phone"), REACH, needs=["addresses"], proposed=True)
    text_consent = Column(_("Text consent"), REACH, needs=["addresses"], proposed=True)
    text_since = Column(_("Text consent since"), REACH, needs=["addresses"])
    phones = Column(_("Other phones"), REACH, needs=["addresses"])
    street = Column(_("Street address"), PLACE, attribute="street", proposed=True)
    city = Column(_("City"), PLACE, attribute="city", proposed=True)
    county = Column(_("County"), PLACE, attribute="county")
    state = Column(_("State"), PLACE, attribute="state", proposed=True)
    zip = Column(_("ZIP code"), PLACE, attribute="zip", proposed=True)
    tags = Joined(_("Tags"), BELONGING, proposed=True)
    lists = Joined(_("Lists"), BELONGING)
    organizations = Joined(_("Organizations"), BELONGING)
    created_at = Day(_("Added"), HISTORY, attribute="created_at")
    last_active_at = Day(_("Last active"), HISTORY, attribute="last_active_at")
    external_ids = Joined(_("Numbers in other systems"), HISTORY)

    class Meta:
        model = Person
        fields = [
            *["id", "given_name", "family_name", "name", "language"],
            *["email", "email_consent", "email_since", "emails", "phone", "text_consent", "text_since", "phones"],
            *["street", "city", "county", "state", "zip"],
            *["tags", "lists", "organizations"],
            *["created_at", "last_active_at", "external_ids"],
        ]
        export_order = fields

    def dehydrate_email(self, person):
        address = self._primary(person, EMAIL)
        return address.value if address else ""

    def dehydrate_email_consent(self, person):
        return _stands(self._primary(person, EMAIL))

    def dehydrate_email_since(self, person):
        return _since(self._primary(person, EMAIL))

    def dehydrate_emails(self, person):
        return ", ".join(address.value for address in self._held(person, EMAIL) if not address.primary)

    def dehydrate_phone(self, person):
        address = self._primary(person, PHONE)
        return _dialled(address.value) if address else ""

    def dehydrate_text_consent(self, person):
        return _stands(self._primary(person, PHONE))

    def dehydrate_text_since(self, person):
        return _since(self._primary(person, PHONE))

    def dehydrate_phones(self, person):
        return ", ".join(_dialled(address.value) for address in self._held(person, PHONE) if not address.primary)

    def _held(self, person, channel):
        return [address for address in self.more["addresses"].get(person.pk, ()) if address.channel == channel]

    def _primary(self, person, channel):
        return next((address for address in self._held(person, channel) if address.primary), None)

    @staticmethod
    def more_addresses(pks):
        held = Address.objects.filter(person__in=pks).order_by("person", "channel", "-primary", "pk")
        held = held.values_list(
            "person_id", "channel", "value", "primary", "consent", "fault", "consent_at", named=True
        )
        return _gathered((address.person_id, address) for address in held)

    @staticmethod
    def more_tags(pks):
        held = Tagging.objects.filter(person__in=pks).order_by("tag__slug")
        return _gathered(held.values_list("person_id", "tag__name"))

    @staticmethod
    def more_lists(pks):
        held = Listing.objects.filter(person__in=pks).order_by("people_list__name")
        return _gathered(held.values_list("person_id", "people_list__name"))

    @staticmethod
    def more_organizations(pks):
        speaks = Representative.objects.filter(person__in=pks).values_list("person_id", "organization__name")
        belongs = Membership.objects.filter(person__in=pks).values_list("person_id", "organization__name")
        return {pk: list(dict.fromkeys(names)) for pk, names in _gathered([*speaks, *belongs]).items()}

    @staticmethod
    def more_external_ids(pks):
        held = ExternalId.objects.filter(person__in=pks).order_by("pk").values_list("person_id", "system", "value")
        return _gathered((pk, f"{system} {value}") for pk, system, value in held)


class OrganizationResource(ListResource):
    """`with_people`: who represents them is a column only for those who may see people."""

    id = Number(_("Number here"), ABOUT, attribute="pk")
    name = Column(_("Name"), ABOUT, attribute="name", proposed=True)
    kind = Column(_("Kind"), ABOUT, attribute="get_kind_display", proposed=True)
    scope = Column(_("Scope"), ABOUT, attribute="get_scope_display", proposed=True)
    size = Column(_("People it speaks for"), ABOUT, attribute="get_size_display")
    languages = Column(_("Languages"), ABOUT, attribute="languages", widget=widgets.SimpleArrayWidget(separator=", "))
    regions = Joined(_("Regions"), ABOUT)
    constituencies = Joined(_("Constituencies served"), ABOUT)
    stage = Column(_("Stage"), PARTNER, attribute="get_stage_display", proposed=True)
    stage_at = Day(_("At this stage since"), PARTNER, attribute="stage_at")
    members = Number(_("Members known"), PARTNER, needs=["members"])
    created_at = Day(_("Added"), PARTNER, attribute="created_at")
    email = Column(_("Email"), REACH, attribute="email", proposed=True)
    phone = Column(_("Phone"), REACH, proposed=True)
    website = Column(_("Website"), REACH, attribute="website", proposed=True)
    street = Column(_("Street address"), REACH, attribute="street")
    city = Column(_("City"), REACH, attribute="city", proposed=True)
    state = Column(_("State"), REACH, attribute="state", proposed=True)
    zip = Column(_("ZIP code"), REACH, attribute="zip")
    representatives = Joined(_("Who speaks for it"), PARTNER)

    class Meta:
        model = Organization
        fields = [
            *["id", "name", *(f"printed_{code}" for code, _language in settings.LANGUAGES)],
            *["kind", "scope", "size", "languages", "regions", "constituencies"],
            *["stage", "stage_at", "members", "created_at"],
            *["email", "phone", "website", "street", "city", "state", "zip", "representatives"],
        ]
        export_order = fields

    def __init__(self, *, with_people=False, **kwargs):
        super().__init__(**kwargs)
        if not with_people:
            del self.fields["representatives"]
        for code, language in settings.LANGUAGES:
            self.fields[f"printed_{code}"] = Column(
                _("Printed name (%(language)s)") % {"language": language},
                ABOUT,
                dehydrate_method=partial(_printed, code),
            )

    def dehydrate_members(self, organization):
        return self.more["members"].get(organization.pk, 0)

    def dehydrate_phone(self, organization):
        return _dialled(organization.phone)

    @staticmethod
    def more_regions(pks):
        held = Organization.objects.filter(pk__in=pks).prefetch_related("regions")
        return _gathered((row.pk, str(region)) for row in held for region in row.regions.all())

    @staticmethod
    def more_constituencies(pks):
        held = Organization.objects.filter(pk__in=pks).prefetch_related("constituencies")
        return _gathered((row.pk, str(group)) for row in held for group in row.constituencies.all())

    @staticmethod
    def more_members(pks):
        held = Membership.objects.filter(organization__in=pks, person__binned_at=None).order_by()
        return dict(held.values_list("organization").annotate(Count("pk")))

    @staticmethod
    def more_representatives(pks):
        held = Representative.objects.filter(organization__in=pks, person__binned_at=None).select_related("person")
        held = held.prefetch_related("person__addresses").order_by("organization", "pk")
        return _gathered((role.organization_id, _reached(role.person)) for role in held)


@dataclass(frozen=True)
class Signature:
    """A row of who signed: an organization's, or an individual's."""

    scope: str
    names: dict
    city: str
    state: str = ""
    signed_at: datetime | None = None
    addendum: bool = False
    signer: str = ""
    title: str = ""
    affiliation: str = ""


class SignatureResource(resources.Resource):
    """Who stands under a version, in the order of its list: names in every language, persons only where they are
    printed (rule G8)."""

    scope = Column(_("Scope"), ABOUT, attribute="scope", proposed=True)
    city = Column(_("City"), ABOUT, attribute="city")
    state = Column(_("State"), ABOUT, attribute="state")
    signed_at = Day(_("Signed on"), SIGNED, attribute="signed_at")
    addendum = Column(_("In the addendum"), SIGNED)
    signer = Column(_("Who signed for it"), SIGNED, attribute="signer")
    title = Column(_("Title of who signed"), SIGNED, attribute="title")
    affiliation = Column(_("For identification only"), SIGNED, attribute="affiliation")

    def __init__(self, *, names_signers=True, **kwargs):
        super().__init__(**kwargs)
        if not names_signers:
            del self.fields["signer"], self.fields["title"]
        names = {
            f"name_{code}": Column(
                _("Name (%(language)s)") % {"language": language},
                ABOUT,
                proposed=True,
                dehydrate_method=partial(_name_in, code),
            )
            for code, language in settings.LANGUAGES
        }
        held = dict(self.fields)
        self.fields = {"scope": held.pop("scope"), **names, **held}

    @property
    def columns(self):
        """{name: Column} in the order of the file."""
        return dict(self.fields)

    def get_export_headers(self, selected_fields=None):
        return [capfirst(str(self.fields[name].column_name)) for name in selected_fields or self.fields]

    def export_rows(self, rows, names):
        """Lists of cells of Signatures, in the columns of these names."""
        for row in rows:
            yield [self.export_field(self.fields[name], row) for name in names]

    def dehydrate_addendum(self, row):
        return str(_("yes")) if row.addendum else ""

    @staticmethod
    def rows_of(signed):
        """[Signature] of a `roll.Roll`: by scope, then the addendum, then individuals."""
        lines = [(group.label, line, False) for group in signed.groups for line in group.lines]
        lines += [(line.organization.get_scope_display(), line, True) for line in signed.addendum]
        rows = [
            Signature(
                scope=scope,
                names={code: line.organization.name_in(code) for code, _language in settings.LANGUAGES},
                city=line.organization.city,
                state=line.organization.state,
                signed_at=line.signed_at,
                addendum=late,
                signer=line.signer,
                title=line.title,
            )
            for scope, line, late in lines
        ]
        return rows + [
            Signature(
                scope=str(_("Individual")),
                names={code: each.name for code, _language in settings.LANGUAGES},
                city=each.city,
                affiliation=each.affiliation,
            )
            for each in signed.individuals
        ]


def resource_of(subject, *, with_people=False):
    if subject == Export.Subject.SIGNATURES:
        return SignatureResource()
    if subject == Export.Subject.PEOPLE:
        return PersonResource()
    return OrganizationResource(with_people=with_people)


def _gathered(pairs):
    found = defaultdict(list)
    for pk, value in pairs:
        found[pk].append(value)
    return found


def _dialled(number):
    # Without its plus no spreadsheet takes a phone number for a formula.
    return number.removeprefix("+")


def _stands(address):
    if address is None:
        return ""
    return str(Address.Fault(address.fault).label if address.fault else Address.Consent(address.consent).label)


def _since(address):
    return DAY.render(address.consent_at) if address else ""


def _reached(person):
    return f"{person} <{email}>" if (email := person.primary_email) else str(person)


def _printed(code, organization):
    return organization.name_in(code)


def _name_in(code, signature):
    return signature.names[code]


def _own(field, row):
    return custom.cell(field, (row.custom or {}).get(field.key))
