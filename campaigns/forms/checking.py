"""What may come in while a message is checked: a waiver, whom to ask for a second look, and what they say."""

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns import approving, checking
from coalition.models import User


class WaiverForm(forms.Form):
    """Why a message may leave in spite of a check. Empty takes it back."""

    check = forms.ChoiceField(choices=[(key, key) for key in checking.WAIVABLE], widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        required=False,
        widget=forms.TextInput,
        help_text=_("Your name and this reason stay with the message until its words change."),
    )


class AskForm(forms.Form):
    """Who is asked to read a message before it leaves."""

    reader = forms.ModelChoiceField(label=_("Who"), queryset=User.objects.none(), empty_label=_("Choose a colleague"))

    def __init__(self, *args, message, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reader"].queryset = approving.readers(message)


class AnswerForm(forms.Form):
    """What a second reader says. `seen`: how what stood on their page stood, as `composing.as_read` says it."""

    seen = forms.CharField(widget=forms.HiddenInput)
    note = forms.CharField(label=_("Note"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    does = forms.ChoiceField(choices=[("approve", "approve"), ("send_back", "send_back")])

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("does") == "send_back" and not cleaned.get("note"):
            self.add_error("note", _("Write what has to be changed."))
        return cleaned
