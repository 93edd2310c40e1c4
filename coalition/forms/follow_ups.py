"""A follow-up: what to do, until when, and who does it."""

from datetime import timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import accounts
from coalition.models import FollowUp, User

FURTHEST = timedelta(days=365 * 5)


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self, **kwargs):
        super().__init__(format="%Y-%m-%d", **kwargs)


class FollowUpForm(forms.ModelForm):
    class Meta:
        model = FollowUp
        fields = ["text", "due", "owner"]
        labels = {"text": _("What to do"), "due": _("Until"), "owner": _("Who")}
        widgets = {"due": DayInput, "text": forms.TextInput(attrs={"autocomplete": "off"})}

    def __init__(self, *args, by, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            self.initial = {"due": timezone.localdate() + timedelta(days=7), "owner": by} | self.initial
        staff = User.objects.filter(is_active=True, is_staff=True).order_by("first_name", "last_name", "email")
        owners = [user.pk for user in staff.prefetch_related("groups") if accounts.sees_people(user)]
        self.fields["owner"].queryset = staff.filter(pk__in=[*owners, self.instance.owner_id or 0])
        self.fields["owner"].empty_label = _("Nobody yet")

    def clean_text(self):
        text = " ".join(self.cleaned_data["text"].split())
        if not text:
            raise ValidationError(_("Say what is to be done."))
        return text

    def clean_due(self):
        due = self.cleaned_data["due"]
        if not timezone.localdate() - FURTHEST <= due <= timezone.localdate() + FURTHEST:
            raise ValidationError(_("Choose a day within the next five years."))
        return due
