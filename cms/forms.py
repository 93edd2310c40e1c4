"""What may come in from editors."""

from django import forms
from django.utils.translation import gettext_lazy as _


class FreezeForm(forms.Form):
    """Whether signatures carry over is a judgement, so nothing is chosen beforehand."""

    MATERIAL, CLERICAL = "material", "clerical"

    change = forms.ChoiceField(
        label=_("What kind of change is this?"),
        widget=forms.RadioSelect,
        choices=[
            (MATERIAL, _("Material: partners who signed are asked again")),
            (CLERICAL, _("Clerical, such as a typing mistake: signatures stay, and signers are told")),
        ],
    )
    note = forms.CharField(
        label=_("What changed"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One or two sentences for the partners. They see them above the differences."),
    )

    def __init__(self, *args, first, **kwargs):
        super().__init__(*args, **kwargs)
        if first:
            # Nobody has read anything yet: there is nothing to judge and nothing to tell.
            del self.fields["change"], self.fields["note"]

    @property
    def material(self):
        return self.cleaned_data.get("change", self.MATERIAL) == self.MATERIAL
