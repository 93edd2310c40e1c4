"""What is entered to talk about a text: questions, proposed edits, their answers, and what a colleague recommends."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from coalition import languages, reviewing, talking
from coalition.forms.fields import EmailField, NameField
from coalition.models import Remark, Review, Version


def _area(rows):
    return forms.Textarea(attrs={"rows": rows})


# A partner


class QuestionForm(forms.Form):
    body = forms.CharField(
        label=_("Your question"),
        max_length=talking.LONGEST,
        widget=_area(5),
        error_messages={"required": _("Write your question.")},
    )


class ProposalForm(forms.Form):
    """The version and the place of the passage travel with the form: a proposal is never filed under another text."""

    version = forms.ModelChoiceField(Version.objects.none(), widget=forms.HiddenInput)
    language = forms.ChoiceField(choices=settings.LANGUAGES, widget=forms.HiddenInput)
    paragraph = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    proposal = forms.CharField(
        label=_("Your wording"),
        required=False,
        max_length=talking.LONGEST_WORDING,
        widget=_area(8),
        help_text=_("Change the words. Leave it empty to propose that the passage goes."),
    )
    body = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=talking.LONGEST,
        widget=_area(4),
        help_text=_("A sentence helps the organizers."),
    )

    def __init__(self, *args, publication, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["version"].queryset = publication.versions.prefetch_related("texts")

    @property
    def names_a_passage(self):
        """Whether what travels with the form leads to a passage; known once the form was checked."""
        return not self.errors.keys() & {"version", "language", "paragraph"}

    def clean(self):
        data = super().clean()
        if {"version", "language", "paragraph"} <= set(data) and data["paragraph"] >= len(
            talking.passages(data["version"], data["language"])
        ):
            self.add_error("paragraph", _("Choose a passage of the text first."))
        return data


class ColleagueForm(forms.Form):
    name = NameField(
        label=_("Name of your colleague"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Enter the name of your colleague.")},
    )
    email = EmailField(label=_("Email of your colleague"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    language = forms.ChoiceField(label=_("We write in"), widget=forms.RadioSelect, choices=languages.own_names)
    note = forms.CharField(
        label=_("Your message"),
        required=False,
        max_length=reviewing.LONGEST,
        widget=_area(3),
        help_text=_("It stands in the email to your colleague."),
    )


class RecommendationForm(forms.Form):
    """A colleague's: the version read travels along, so that it is never taken for one of another text."""

    version = forms.ModelChoiceField(Version.objects.none(), widget=forms.HiddenInput)
    recommendation = forms.ChoiceField(
        label=_("What you recommend"),
        choices=Review.Recommendation.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the three.")},
    )
    comment = forms.CharField(
        label=_("Your comment"),
        required=False,
        max_length=reviewing.LONGEST,
        widget=_area(4),
        help_text=_("Needed if you recommend changes."),
    )

    def __init__(self, *args, publication, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["version"].queryset = publication.versions.all()


# The organizers


class ReplyForm(forms.Form):
    """An answer to one question or proposal among many on a page: each form has a prefix of its own."""

    def __init__(self, *args, remark, **kwargs):
        super().__init__(*args, prefix=f"remark-{remark.pk}", **kwargs)
        self.remark = remark

    @classmethod
    def to(cls, remark, data=None):
        """The form that fits what was said."""
        return (SettleForm if remark.kind == Remark.Kind.PROPOSAL else AnswerForm)(data, remark=remark)


class AnswerForm(ReplyForm):
    body = forms.CharField(
        label=_("Answer"),
        max_length=talking.LONGEST,
        widget=_area(4),
        error_messages={"required": _("Write the answer.")},
        help_text=_("It goes to the partner by email, and stands on its page."),
    )
    shared = forms.BooleanField(label=_("Show this answer to every partner asked"), required=False)
    shared_as = forms.CharField(
        label=_("The question, as the others read it"),
        required=False,
        max_length=talking.LONGEST,
        widget=_area(2),
        help_text=_("Used only if you show the answer. Take out what tells who asked."),
    )

    def __init__(self, *args, remark, **kwargs):
        super().__init__(*args, remark=remark, **kwargs)
        self.fields["shared_as"].initial = remark.body

    def clean(self):
        data = super().clean()
        if data.get("shared") and not data.get("shared_as", "").strip():
            self.add_error("shared_as", _("Write the question, as the others will read it."))
        return data

    def reply(self, by):
        data = self.cleaned_data
        shared_as = data["shared_as"] if data["shared"] else ""
        return talking.answer(self.remark, body=data["body"], shared_as=shared_as, by=by)


class SettleForm(ReplyForm):
    taken = forms.TypedChoiceField(
        label=_("What becomes of it"),
        choices=[("yes", _("Take it up in the next version")), ("no", _("Do not take it up"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the two.")},
    )
    body = forms.CharField(
        label=_("A word to the partner"),
        required=False,
        max_length=talking.LONGEST,
        widget=_area(3),
        help_text=_("Needed if you do not take it up. It goes to the partner by email."),
    )

    def clean(self):
        data = super().clean()
        if data.get("taken") is False and not data.get("body", "").strip():
            self.add_error("body", _("Say in a word why not: the partner reads it."))
        return data

    def reply(self, by):
        return talking.settle(self.remark, taken=self.cleaned_data["taken"], body=self.cleaned_data["body"], by=by)
