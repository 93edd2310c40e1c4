"""Messages that follow one another after something a person did."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from coalition.models import Person, Round, Segment

from .campaigns import Campaign
from .messages import Message
from .webinars import Webinar


class Series(models.Model):
    """Steps after a trigger; it stops for whoever acts."""

    class Trigger(models.TextChoices):
        JOINED = "joined", _("somebody joins")
        SIGNED = "signed", _("somebody signs")
        REGISTERED = "registered", _("somebody registers for a webinar")
        NOT_ACTED = "not_acted", _("somebody got a message and did not act")

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        ENDED = "ended", _("Ended")

    name = models.CharField(_("name"), max_length=150)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="series", verbose_name=_("campaign"))
    trigger = models.CharField(_("begins when"), max_length=12, choices=Trigger)
    # What the trigger is about; empty means any.
    round = models.ForeignKey(Round, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("round"))
    webinar = models.ForeignKey(
        Webinar, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("webinar")
    )
    message = models.ForeignKey(
        Message, models.PROTECT, null=True, blank=True, related_name="followed_by", verbose_name=_("message")
    )
    after_days = models.PositiveSmallIntegerField(
        _("days to wait for them to act"), default=3, help_text=_("Only where it begins when somebody did not act.")
    )
    segment = models.ForeignKey(
        Segment, models.PROTECT, null=True, blank=True, related_name="series", verbose_name=_("only people in")
    )
    stops_on_action = models.BooleanField(_("stops for whoever acts"), default=True)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.DRAFT)
    since = models.DateTimeField(null=True, blank=True, help_text="What happened before is not looked at.")
    looked_at = models.DateTimeField(null=True, blank=True, help_text="Up to when its trigger was looked for.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        verbose_name = _("series")
        verbose_name_plural = pgettext_lazy("several", "series")
        ordering = ["-created_at", "-pk"]

    def __str__(self):
        return self.name


class Step(models.Model):
    """One message of a series: how long after the one before, and for whom."""

    class Condition(models.TextChoices):
        ANYONE = "", _("everybody who is still in it")
        FOLLOWED = "followed", _("those who followed a link of the step before")
        NOT_FOLLOWED = "not_followed", _("those who followed no link of the step before")

    series = models.ForeignKey(Series, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    wait_hours = models.PositiveIntegerField(_("hours after the step before"), default=24)
    condition = models.CharField(_("for"), max_length=12, choices=Condition, default=Condition.ANYONE, blank=True)
    message = models.OneToOneField(Message, models.PROTECT, related_name="step", verbose_name=_("message"))
    # What people got is what stands in a message: new words are a new message, the old ones stay here.
    earlier = models.ManyToManyField(Message, related_name="former_steps", blank=True)

    class Meta:
        verbose_name = _("step")
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["series", "position"], name="step_once_a_position")]

    def __str__(self):
        return f"{self.series} {self.position}"


class Enrolment(models.Model):
    """One person on the way through a series, once."""

    class State(models.TextChoices):
        ACTIVE = "active", _("On the way")
        ACTED = "acted", _("Acted")
        DONE = "done", _("Went through")
        LEFT = "left", _("Left the series")

    series = models.ForeignKey(Series, models.CASCADE, related_name="enrolments", db_index=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="enrolments")
    position = models.PositiveSmallIntegerField(default=0, help_text="Steps behind them.")
    state = models.CharField(max_length=6, choices=State, default=State.ACTIVE)
    began_at = models.DateTimeField(help_text="When the trigger happened.")
    due_at = models.DateTimeField(null=True, help_text="When the next step is theirs.")
    ended_at = models.DateTimeField(null=True, blank=True)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("enrolment")
        constraints = [models.UniqueConstraint(fields=["series", "person"], name="enrolment_once_a_person")]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="active"), name="enrolment_due")]

    def __str__(self):
        return f"#{self.pk} {self.state}"

    @property
    def merge_rank(self):
        """When two people turn out to be one, whoever acted did so for both; else the one who is further goes on."""
        return self.state == self.State.ACTED, self.position
