"""People who may be one, the search for them, and merges that can be undone."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .people import Person


class Lookalike(models.Model):
    """Two records that may be one person, with why. "Not the same" is remembered, so that nobody is asked twice."""

    class State(models.TextChoices):
        OPEN = "open", _("To be looked at")
        DIFFERENT = "different", _("Not the same person")
        MERGED = "merged", _("Merged")

    first = models.ForeignKey(Person, models.CASCADE, related_name="+")
    second = models.ForeignKey(Person, models.CASCADE, related_name="+")
    score = models.PositiveSmallIntegerField(_("likeness"), help_text=_("Out of 100."))
    reasons = models.JSONField(default=list)  # codes of coalition.duplicates
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.OPEN)
    found_at = models.DateTimeField(_("found"), auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("possible duplicate")
        verbose_name_plural = _("possible duplicates")
        ordering = ["-score", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="lookalike_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="lookalike_in_order"),
        ]
        indexes = [models.Index(fields=["-score", "id"], condition=Q(state="open"), name="lookalike_queue")]

    def __str__(self):
        return f"{self.first_id} ~ {self.second_id}"


class MatchKey(models.Model):
    """Under what a person may be found again: `key` is a hash of, say, a last name with a ZIP. See
    `coalition.duplicates`; people who share a key are compared.
    """

    pk = models.CompositePrimaryKey("key", "person_id")
    key = models.BigIntegerField()
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")

    wagtail_reference_index_ignore = True

    def __str__(self):
        return f"{self.key}"


class DuplicateSearch(models.Model):
    """One search for people who may be one: first their keys are read, then those who share one are compared."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    class Step(models.TextChoices):
        READ = "read", _("Reading names and addresses")
        COMPARE = "compare", _("Comparing")

    state = models.CharField(_("state"), max_length=8, choices=State, default=State.RUNNING)
    step = models.CharField(max_length=8, choices=Step, default=Step.READ)
    since = models.DateTimeField(_("changed since"), null=True, blank=True)  # None: everybody
    until = models.DateTimeField(_("changed until"))
    total = models.PositiveIntegerField(_("people"), default=0)
    done = models.PositiveIntegerField(default=0)
    last = models.BigIntegerField(default=0)  # the number of the person this step has come to
    compared = models.PositiveBigIntegerField(_("pairs compared"), default=0)
    found = models.PositiveIntegerField(_("pairs found"), default=0)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(_("when"), auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("search for duplicates")
        verbose_name_plural = _("searches for duplicates")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="running"), name="duplicate_search_one_at_a_time"
            )
        ]

    def __str__(self):
        return f"{self.at:%Y-%m-%d %H:%M}"


class Merge(models.Model):
    """Several records made one. `record` keeps what moved and what stood there before, so that it can be undone."""

    kept = models.ForeignKey(Person, models.CASCADE, related_name="merges")
    record = models.JSONField(default=dict)
    automatic = models.BooleanField(_("by a strict rule"), default=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(_("when"), auto_now_add=True)
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        ordering = ["-at", "-pk"]

    def __str__(self):
        return f"{self.kept_id}"
