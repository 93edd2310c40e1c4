"""What may come in about a test of one wording against another."""

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.models import SplitTest


class SplitTestForm(forms.ModelForm):
    class Meta:
        model = SplitTest
        fields = ["share", "hours"]
        help_texts = {
            "share": _("Drawn by lot in each language, the same number for each wording. The others wait."),
            "hours": _("Counted from when the last of the test has left. Then the others get what moved most people."),
        }


class DecisionForm(forms.Form):
    """Which wording the others get, language by language; a language without a choice goes on."""

    def __init__(self, *args, languages, names, **kwargs):
        super().__init__(*args, **kwargs)
        for language, variants in languages.items():
            self.fields[language] = forms.ChoiceField(
                label=names[language],
                choices=[
                    ("", _("Not yet")),
                    *((letter, _("Wording %(letter)s") % {"letter": letter.upper()}) for letter in variants),
                ],
                required=False,
                widget=forms.RadioSelect,
            )
