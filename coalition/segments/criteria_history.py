"""Criteria about what happened when: how people came, and when they last did something."""

from django import forms
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from coalition.models import Decision, Import, ImportedRow, Publication

from . import periods
from .registry import Criterion, register


class Happened(Criterion):
    family = gettext_lazy("History")


@register
class Joined(Happened):
    key = "joined"
    label = gettext_lazy("Added")

    def fields(self):
        return periods.fields()

    def clean(self, cleaned):
        periods.clean(cleaned)

    def condition(self, cleaned):
        return periods.condition(cleaned, "created_at")

    def sentence(self, cleaned):
        return _("were added %(when)s") % {"when": periods.words(cleaned)}

    def words(self, cleaned):
        return periods.words(cleaned)


@register
class Active(Happened):
    key = "active"
    label = gettext_lazy("Last active")

    def fields(self):
        return periods.fields()

    def clean(self, cleaned):
        periods.clean(cleaned)

    def condition(self, cleaned):
        said = periods.condition(cleaned, "last_active_at")
        # Who never did anything has not been active for that long either, once they have been here for it.
        if cleaned.get("when") == periods.BEFORE:
            said |= Q(last_active_at=None) & periods.condition(cleaned, "created_at")
        return said

    def sentence(self, cleaned):
        return _("were last active %(when)s") % {"when": periods.words(cleaned)}

    def words(self, cleaned):
        return periods.words(cleaned)


@register
class ImportedIn(Happened):
    key = "import"
    label = gettext_lazy("Came with an import")

    def fields(self):
        return {
            "value": forms.ModelChoiceField(
                queryset=Import.objects.exclude(state=Import.State.UPLOADED), label=gettext_lazy("Import")
            )
        }

    def condition(self, cleaned):
        return Exists(ImportedRow.objects.filter(person=OuterRef("pk"), batch=cleaned["value"].pk))

    def sentence(self, cleaned):
        return _("came with the import “%(import)s”") % {"import": cleaned["value"]}


@register
class Signed(Criterion):
    key = "signed"
    label = gettext_lazy("Signed a publication")
    family = gettext_lazy("Took part")

    def fields(self):
        publication = forms.ModelChoiceField(
            queryset=Publication.objects.all(),
            required=False,
            label=gettext_lazy("Publication"),
            empty_label=gettext_lazy("Any publication"),
        )
        return {"publication": publication} | periods.fields(required=False)

    def clean(self, cleaned):
        periods.clean(cleaned)

    def condition(self, cleaned):
        signed = Decision.objects.filter(periods.condition(cleaned, "at"), signer=OuterRef("pk"), choice="sign")
        return Exists(signed.filter(publication=cleaned["publication"].pk) if cleaned["publication"] else signed)

    def sentence(self, cleaned):
        what = f"“{cleaned['publication']}”" if cleaned["publication"] else _("any publication")
        return f"{_('signed %(publication)s') % {'publication': what}} {periods.words(cleaned)}".strip()
