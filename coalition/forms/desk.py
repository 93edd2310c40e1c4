"""What may come in at the door of a partner's desk."""

from django import forms
from django.utils.translation import gettext_lazy as _

from coalition.counting import State
from coalition.forms.fields import EmailField
from coalition.models import Decision


class WayInForm(forms.Form):
    """Where the code goes."""

    email = EmailField(label=_("Your email address"), help_text=_("The one at which we write to you."))


class CodeForm(forms.Form):
    """The code that came by email."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        help_text=_("Six digits, from the email we just sent."),
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "size": 12, "autofocus": True}
        ),
        error_messages={"required": _("Enter the code from the email.")},
    )


class WayInCodeForm(CodeForm):
    """The code, and the address it went to, which travels in the form and never in an address bar."""

    email = EmailField(widget=forms.HiddenInput)


class HistoryForm(forms.Form):
    """What narrows the history of decisions; everything may be left empty."""

    words = forms.CharField(label=_("Words of the title"), required=False, max_length=100)
    choice = forms.ChoiceField(label=_("Decision"), required=False)
    year = forms.TypedChoiceField(label=_("Year"), required=False, coerce=int, empty_value=None)

    def __init__(self, *args, years, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["choice"].choices = [
            ("", _("All decisions")),
            *((choice, State(choice).label) for choice in Decision.Choice),
        ]
        self.fields["year"].choices = [("", _("All years")), *((year, year) for year in years)]
