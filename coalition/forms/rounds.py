"""What an organizer enters to open a round or to change it, and to choose partners."""

import datetime
import re
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from coalition import languages, segments, signing_on
from coalition.forms.fields import zone_choices
from coalition.models import Organization, Publication, Representative, Segment
from coalition.signing_on.asking import LONGEST_BEFORE

END_OF_THE_DAY = datetime.time(17)
# What a verb calls a field, where the form asks for it in parts.
PARTS = {"deadline": "day", "official_deadline": "official_day"}
PER_LANGUAGE = ("addressee", "message")
SECTIONS = [
    (_("To whom"), ("addressee", "bill")),
    (_("Until when"), ("zone", "official_day", "official_time", "day", "time")),
    (_("Who may sign"), ("scopes", "individuals")),
    (_("What partners are told"), ("message",)),
    (_("Reminders"), ("reminder_days", "second_after_days", "by_text", "quiet_from", "quiet_until")),
]
SIDE_BY_SIDE = [("official_day", "official_time"), ("day", "time"), ("quiet_from", "quiet_until")]


def day_field(**kwargs):
    return forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": _("Choose the day.")},
        **kwargs,
    )


def time_field(**kwargs):
    return forms.TimeField(
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": _("Choose the time.")},
        **kwargs,
    )


class DaysField(forms.CharField):
    """Some numbers of days: "7, 2"."""

    def __init__(self, **kwargs):
        super().__init__(**{"required": False, "max_length": 60, **kwargs})

    def prepare_value(self, value):
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value):
        words = set(filter(None, re.split(r"[\s,;]+", super().clean(value))))
        if any(not re.fullmatch("[0-9]{1,3}", word) or int(word) > LONGEST_BEFORE for word in words):
            raise ValidationError(_("Enter whole days, from 0 to %(most)s, such as 7, 2.") % {"most": LONGEST_BEFORE})
        return sorted(map(int, words), reverse=True)


class RoundForm(forms.Form):
    """Everything a round says. Without a day of our own the deadline is left to be proposed: see `settle`."""

    bill = forms.CharField(
        label=_("Bill or docket"),
        required=False,
        max_length=Publication._meta.get_field("bill").max_length,
        help_text=_("Such as H.R. 1234. It stands on the publication, too."),
    )
    official_day = day_field(
        label=_("Official deadline, day"), help_text=_("When the addressee must have it. Partners do not see it.")
    )
    official_time = time_field(label=_("Official deadline, time"), initial=END_OF_THE_DAY)
    zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=zone_choices,
        initial=settings.TIME_ZONE,
        help_text=_("Partners always see it beside the time."),
    )
    day = day_field(
        label=_("Our deadline for partners, day"),
        help_text=_("Leave it empty and we propose one from the official deadline."),
    )
    time = time_field(label=_("Our deadline for partners, time"), initial=END_OF_THE_DAY)
    scopes = forms.MultipleChoiceField(
        label=_("Organizations that may sign"),
        choices=Organization.Scope.choices,
        initial=Organization.Scope.values,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
    )
    individuals = forms.BooleanField(
        label=_("Individuals may sign too"),
        required=False,
        help_text=_("On the public page, with their email confirmed. They are listed apart from organizations."),
    )
    reminder_days = DaysField(
        label=_("Remind, days before the deadline"),
        initial=[7, 2],
        help_text=_("Such as 7, 2. Only those who have not answered are reminded. Empty: no reminders."),
    )
    second_after_days = forms.IntegerField(
        label=_("Ask the second representative after days"),
        required=False,
        min_value=1,
        max_value=60,
        initial=3,
        help_text=_("Counted from the first reminder without an answer. Empty: never."),
        error_messages={"invalid": _("Enter a whole number of days.")},
    )
    by_text = forms.BooleanField(
        label=_("Remind by text, too"),
        required=False,
        help_text=_("Only people who agreed to texts, and never in quiet hours where they live."),
    )
    quiet_from = day_field(
        label=_("Quiet period, first day"), help_text=_("No reminders leave on these days, such as a holiday.")
    )
    quiet_until = day_field(label=_("Quiet period, last day"))

    def __init__(self, *args, publication, round_=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.publication, self.round = publication, round_
        self.proposal = None
        widgets = {
            "addressee": (forms.TextInput, {}, 250, _("Addressed to (%(language)s)")),
            "message": (forms.Textarea, {"rows": 4}, 4000, _("Message to partners (%(language)s)")),
        }
        for name, (widget, attrs, longest, label) in widgets.items():
            for code, language in settings.LANGUAGES:
                self.fields[f"{name}_{code}"] = forms.CharField(
                    label=label % {"language": language},
                    max_length=longest,
                    required=False,
                    widget=widget(attrs={**attrs, "lang": code}),
                )
        self.initial = {"bill": publication.bill} | (self._held(round_) if round_ else {}) | self.initial
        if round_:
            self.fields["zone"].choices = zone_choices(round_.zone)

    @staticmethod
    def _held(round_):
        """What a round says now, as the form asks for it."""
        names = ("zone", "individuals", "reminder_days", "second_after_days", "by_text", "quiet_from", "quiet_until")
        held = {name: getattr(round_, name) for name in names}
        held["scopes"] = round_.scopes or Organization.Scope.values
        for part, moment in (("", round_.deadline), ("official_", round_.official_deadline)):
            if moment:
                there = languages.local(moment, round_.zone)
                held |= {f"{part}day": there.date(), f"{part}time": there.time()}
        for name in PER_LANGUAGE:
            said = getattr(round_, name)
            held |= {f"{name}_{code}": said.localize(code) if said else "" for code, _name in settings.LANGUAGES}
        return held

    def sections(self):
        """[(title, [fields that stand side by side])] in the order in which they are asked."""
        for title, names in SECTIONS:
            rows, beside = [], {name: row for row in SIDE_BY_SIDE for name in row}
            for name in names:
                if name in PER_LANGUAGE:
                    rows += [[self[f"{name}_{code}"]] for code, _name in settings.LANGUAGES]
                elif name not in beside:
                    rows.append([self[name]])
                elif beside[name][0] == name:
                    rows.append([self[part] for part in beside[name]])
            yield title, rows

    def clean(self):
        data = super().clean()
        data["deadline"] = self._moment(data, "")
        data["official_deadline"] = official = self._moment(data, "official_")
        now = datetime.datetime.now(datetime.UTC)
        said_before = self.round and (self.round.deadline, self.round.official_deadline)
        if data["deadline"] and data["deadline"] <= now and data["deadline"] not in (said_before or ()):
            self.add_error("day", _("Choose a time that is still to come."))
        elif official and official <= now and official not in (said_before or ()):
            self.add_error("official_day", _("Choose a time that is still to come."))
        elif official and data["deadline"] and data["deadline"] > official:
            self.add_error("day", _("Partners must answer before the official deadline. Choose an earlier day."))
        elif not official and not data["deadline"] and not {"day", "official_day"} & self.errors.keys():
            self.add_error("day", _("Choose the day, or enter the official deadline and we propose one."))
        for name in PER_LANGUAGE:
            data[name] = self._in_every_language(data, name)
        self._clean_quiet(data)
        if set(data.get("scopes", ())) == set(Organization.Scope.values):
            data["scopes"] = []
        return data

    def _moment(self, data, part):
        day, time, zone = data.get(f"{part}day"), f"{part}time", data.get("zone")
        if not day or not zone or time in self.errors:
            return None
        moment = datetime.datetime.combine(day, data.get(time) or END_OF_THE_DAY, ZoneInfo(zone))
        held = self.round and getattr(self.round, f"{part}deadline")
        # What is shown to the minute and comes back so has not moved.
        return held if held and held.replace(second=0, microsecond=0) == moment else moment

    def _in_every_language(self, data, name):
        said = {code: (data.get(f"{name}_{code}") or "").strip() for code, _name in settings.LANGUAGES}
        if any(said.values()):
            for code, text in said.items():
                if not text:
                    self.add_error(f"{name}_{code}", _("Write it in every language, or in none."))
        return said if all(said.values()) else ""

    def _clean_quiet(self, data):
        first, last = data.get("quiet_from"), data.get("quiet_until")
        if bool(first) != bool(last):
            self.add_error("quiet_until" if first else "quiet_from", _("Choose both days, or neither."))
        elif first and first > last:
            self.add_error("quiet_until", _("The last quiet day comes after the first."))

    def settle(self, organizations):
        """Propose our deadline where none was chosen, with an eye to the partners to be asked; the form then holds it
        like one that was entered, and `proposal` says why. Call it on a valid form."""
        if self.cleaned_data["deadline"] is None:
            self.propose(organizations)
        elif self.cleaned_data["official_deadline"]:
            proposal = self._proposal(organizations)
            self.proposal = proposal if proposal.deadline == self.cleaned_data["deadline"] else None

    def _proposal(self, organizations):
        official, zone = self.cleaned_data["official_deadline"], self.cleaned_data["zone"]
        return signing_on.propose_deadline(official, zone, organizations)

    def propose(self, organizations):
        """Put our proposal in the place of whatever day was chosen."""
        self.proposal, zone = self._proposal(organizations), self.cleaned_data["zone"]
        there = languages.local(self.proposal.deadline, zone)
        self.cleaned_data["deadline"] = self.proposal.deadline
        self.data = self.data.copy()
        self.data["day"], self.data["time"] = f"{there:%Y-%m-%d}", f"{there:%H:%M}"

    def terms(self):
        """What `signing_on.open_round` and `change_round` are told."""
        names = {*self.fields, "deadline", "official_deadline", *PER_LANGUAGE}
        parts = {"day", "time", "official_day", "official_time"}
        parts |= {f"{name}_{code}" for name in PER_LANGUAGE for code, _name in settings.LANGUAGES}
        return {name: self.cleaned_data[name] for name in sorted(names - parts)}

    def refused(self, error):
        """Show what a verb had against it beside the field it is about."""
        refused = error.error_dict if hasattr(error, "error_dict") else {None: error.error_list}
        for name, errors in refused.items():
            place = PARTS.get(name, name)
            self.add_error(place if place in self.fields else None, errors)


class ChangeForm(RoundForm):
    """A round that is open says something else."""

    tell = forms.BooleanField(
        label=_("If the deadline moves, tell partners who have not answered"),
        required=False,
        initial=True,
        help_text=_("By email, at most once a day. It does not count against their limit of emails."),
    )

    def terms(self):
        """The same, and whether partners are told."""
        return super().terms() | {"tell": self.cleaned_data["tell"]}


class PartnersForm(forms.Form):
    """The partners to ask, by hand or by a segment: each is asked through the first of those who may sign for it."""

    organizations = forms.ModelMultipleChoiceField(
        Organization.objects.none(),
        label=_("Partners"),
        required=False,
        error_messages={"invalid_choice": _("One of the partners chosen can no longer be asked.")},
    )
    segment = forms.ModelChoiceField(
        Segment.objects.none(),
        label=_("Everybody in a segment who may sign for a partner"),
        required=False,
        empty_label=_("No segment"),
        help_text=_("As well as the partners ticked below."),
        error_messages={"invalid_choice": _("You cannot use this segment.")},
    )

    def __init__(self, *args, user, round_=None, required=False, **kwargs):
        super().__init__(*args, **kwargs)
        asked = round_.invitations.values("organization") if round_ else []
        self.open = Organization.objects.partners().exclude(pk__in=asked)
        self.required = required
        self.fields["organizations"].queryset = self.open
        if user.has_perm("coalition.view_person"):
            self.fields["segment"].queryset = segments.listable(user)
        else:
            del self.fields["segment"]

    def clean(self):
        data = super().clean()
        if self.required and not self.errors and not data.get("organizations") and not data.get("segment"):
            self.add_error("organizations", _("Choose at least one partner."))
        return data

    def in_segment(self):
        """People of the segment chosen, or None."""
        segment = self.cleaned_data.get("segment")
        return segments.people(segment) if segment else None

    def partners(self):
        """The organizations chosen, by hand and by the segment, as a list."""
        chosen = list(self.cleaned_data["organizations"])
        people = self.in_segment()
        if people is not None:
            speaking = Representative.objects.filter(may_sign=True, person__in=people).values("organization")
            chosen += self.open.filter(pk__in=speaking).exclude(pk__in=[each.pk for each in chosen])
        return chosen

    def representatives(self):
        """Who is asked for the partners chosen: by hand, the first in order; by the segment, the first who is in it."""
        by_hand = list(self.cleaned_data["organizations"])
        found = signing_on.first_to_ask(by_hand)
        people = self.in_segment()
        if people is not None:
            held = {each.pk for each in by_hand}
            found += signing_on.first_to_ask([o for o in self.partners() if o.pk not in held], among=people)
        return found
