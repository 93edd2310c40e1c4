"""What the matrix of partners and publications is narrowed by."""

from django import forms
from django.utils.translation import gettext_lazy as _

from coalition import matrix
from coalition.models import Organization, Publication, Region, Topic


def _any(choices):
    return [("", _("All")), *choices]


class MatrixForm(forms.Form):
    """Everything may stay empty; what makes no sense is left aside."""

    q = forms.CharField(label=_("Find a partner"), required=False, widget=forms.TextInput(attrs={"type": "search"}))
    scope = forms.ChoiceField(label=_("Scope"), required=False)
    region = forms.ModelChoiceField(None, label=_("Region"), required=False, empty_label=_("All"))
    kind = forms.ChoiceField(label=_("Kind of partner"), required=False)
    what = forms.ChoiceField(label=_("Kind of publication"), required=False)
    year = forms.TypedChoiceField(label=_("Year"), required=False, coerce=int, empty_value=None)
    topic = forms.ModelChoiceField(None, label=_("Topic"), required=False, empty_label=_("All"))
    undecided = forms.BooleanField(label=_("Only who still owes an answer"), required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        fields = self.fields
        fields["scope"].choices = _any(Organization.Scope.choices)
        fields["kind"].choices = _any(Organization.Kind.choices)
        fields["what"].choices = _any(Publication.Kind.choices)
        fields["year"].choices = _any([(year, str(year)) for year in matrix.years()])
        fields["region"].queryset = Region.objects.all()
        fields["topic"].queryset = Topic.objects.all()

    def asked(self):
        """{name: value} of what was asked for and makes sense."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}
