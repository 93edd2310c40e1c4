"""What leaves as a file: one row a person, in columns that an import takes back (django-import-export)."""

from django.utils.translation import gettext_lazy as _
from import_export import fields, resources

from coalition.models import Address, Person


class Titled(resources.ModelResource):
    """Headers in the reader's language rather than the names of fields."""

    def get_export_headers(self, selected_fields=None):
        names = self.get_export_order() if selected_fields is None else selected_fields
        return [str(self.fields[name].column_name) for name in names]


class PersonResource(Titled):
    given_name = fields.Field(attribute="given_name", column_name=_("First name"))
    family_name = fields.Field(attribute="family_name", column_name=_("Last name"))
    name = fields.Field(attribute="name", column_name=_("Full name"))
    language = fields.Field(attribute="language", column_name=_("Language"))
    email = fields.Field(column_name=_("Email"))
    email_consent = fields.Field(column_name=_("By email"))
    phone = fields.Field(column_name=_("Phone"))
    text_consent = fields.Field(column_name=_("By text"))
    street = fields.Field(attribute="street", column_name=_("Street address"))
    city = fields.Field(attribute="city", column_name=_("City"))
    state = fields.Field(attribute="state", column_name=_("State"))
    zip = fields.Field(attribute="zip", column_name=_("ZIP code"))
    tags = fields.Field(column_name=_("Tags"))

    class Meta:
        model = Person
        fields = [
            "given_name",
            "family_name",
            "name",
            "language",
            "email",
            "email_consent",
            "phone",
            "text_consent",
            "street",
            "city",
            "state",
            "zip",
            "tags",
        ]
        export_order = fields

    def dehydrate_email(self, person):
        return person.primary_email or ""

    def dehydrate_email_consent(self, person):
        return self._consent(person.primary_email)

    def dehydrate_phone(self, person):
        # Without its plus no spreadsheet takes a number for a formula.
        return str(person.primary_phone or "").removeprefix("+")

    def dehydrate_text_consent(self, person):
        return self._consent(person.primary_phone)

    def dehydrate_tags(self, person):
        return ", ".join(sorted(tag.name for tag in person.tags.all()))

    @staticmethod
    def _consent(address):
        if address is None:
            return ""
        return str(address.get_fault_display() if address.fault else Address.Consent(address.consent).label)
