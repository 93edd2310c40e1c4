"""What an administrator decides about how long people are kept, and what staff say before they erase somebody."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from coalition.models import Installation, fold

RULES = ["inactive_months", "inactive_then", "answer_days", "bin_days"]


class RetentionForm(forms.ModelForm):
    class Meta:
        model = Installation
        fields = RULES

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, least, most in (("inactive_months", 6, 240), ("answer_days", 7, 366), ("bin_days", 1, 3660)):
            field = self.fields[name]
            field.min_value, field.max_value = least, most
            field.widget.attrs |= {"min": least, "max": most}
        self.fields["bin_days"].help_text = _("Empty: they stay in the bin until somebody erases them.")

    def clean(self):
        cleaned = super().clean()
        for name in ("inactive_months", "answer_days", "bin_days"):
            value, attrs = cleaned.get(name), self.fields[name].widget.attrs
            if value is not None and not attrs["min"] <= value <= attrs["max"]:
                said = _("Enter a number from %(least)d to %(most)d.") % {"least": attrs["min"], "most": attrs["max"]}
                self.add_error(name, said)
        return cleaned

    @property
    def rules(self):
        return {name: self.cleaned_data[name] for name in RULES}


class EraseForm(forms.Form):
    """Whom it is about is typed, so that nobody is erased by a slip of the mouse."""

    typed = forms.CharField(
        label=_("Type the name, to be sure"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    why = forms.CharField(
        label=_("Why"), max_length=300, help_text=_("Such as “asked by phone on May 5”. The audit keeps it: no names.")
    )

    def __init__(self, *args, wanted, **kwargs):
        super().__init__(*args, **kwargs)
        self.wanted = wanted
        self.fields["typed"].help_text = wanted

    def clean_typed(self):
        if fold(self.cleaned_data["typed"]) != fold(self.wanted):
            raise ValidationError(_("This is not the name that stands above."))
        return self.cleaned_data["typed"]
