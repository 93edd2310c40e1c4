"""A saved view's name, for whom it is, and whether the list opens with it."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from coalition import saved_views
from coalition.models import SavedView


class SavedViewForm(forms.ModelForm):
    class Meta:
        model = SavedView
        fields = ["name", "shared", "start"]
        labels = {
            "name": _("Name of the view"),
            "shared": _("Everybody on the staff may use it"),
            "start": _("Open the list with it"),
        }

    def clean_name(self):
        name = " ".join(self.cleaned_data["name"].split())
        theirs = SavedView.objects.filter(owner=self.instance.owner_id, screen=self.instance.screen, name__iexact=name)
        if theirs.exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("You have a view of this name already."))
        return name

    def keep(self, query=None):
        """Raises saved_views.NameTaken where somebody was faster."""
        return saved_views.keep(self.instance, query=query, **self.cleaned_data)
