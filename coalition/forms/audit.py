"""What an administrator asks the audit."""

from django import forms
from django.utils.translation import gettext_lazy as _

from coalition.models import AuditLine


class AuditForm(forms.Form):
    words = forms.CharField(
        label=_("Words"), required=False, max_length=100, help_text=_("Of who did it, or of the reason.")
    )
    action = forms.ChoiceField(
        label=_("What"), required=False, choices=[("", _("Everything")), *AuditLine.Action.choices]
    )
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    subject = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    subject_id = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    by = forms.IntegerField(required=False, min_value=1, max_value=2**31, widget=forms.HiddenInput)
