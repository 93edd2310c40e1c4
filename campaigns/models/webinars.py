"""Webinars, and who comes in which language."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Count, F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField

from coalition.models import Person

from .campaigns import Campaign


class WebinarQuerySet(models.QuerySet):
    def upcoming(self):
        """What will take place or is taking place, soonest first."""
        return self.filter(cancelled_at=None, ends_at__gt=timezone.now()).order_by("starts_at", "pk")

    def with_seats(self):
        """Each with `taken`, the number of people who have a seat."""
        return self.annotate(taken=Count("registrations", filter=Q(registrations__state=Registration.State.REGISTERED)))

    def with_room(self):
        return self.with_seats().filter(Q(capacity=None) | Q(capacity__gt=F("taken")))


class Webinar(models.Model):
    title = I18nCharField(_("title"), max_length=200)
    summary = I18nTextField(_("summary"), blank=True)
    campaign = models.ForeignKey(Campaign, models.SET_NULL, null=True, blank=True, related_name="webinars")
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    zone = models.CharField(_("time zone"), max_length=40, default=settings.TIME_ZONE)
    capacity = models.PositiveIntegerField(_("seats"), null=True, blank=True, help_text=_("Empty means no limit."))
    language = models.CharField(_("spoken language"), max_length=10, choices=settings.LANGUAGES, default="en")
    spanish_interpretation = models.BooleanField(_("interpretation into Spanish"), default=False)
    asl_interpretation = models.BooleanField(_("ASL interpretation"), default=False)
    captions = models.BooleanField(_("captions"), default=False)
    recorded = models.BooleanField(_("will be recorded"), default=True)
    join_url = models.URLField(_("link to join"), blank=True)
    public_url = I18nCharField(_("public address"), max_length=500, blank=True, editable=False)
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    sequence = models.PositiveIntegerField(default=0, editable=False, help_text=_("Rises with each change (RFC 5545)."))
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    objects = WebinarQuerySet.as_manager()

    class Meta:
        verbose_name = _("webinar")
        verbose_name_plural = _("webinars")
        ordering = ["-starts_at"]
        constraints = [models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="webinar_ends_after_start")]

    def __str__(self):
        return str(self.title)

    @property
    def is_over(self):
        return self.ends_at < timezone.now()

    @property
    def seats_taken(self):
        return self.registrations.filter(state=Registration.State.REGISTERED).count()

    @property
    def is_full(self):
        return self.capacity is not None and self.seats_taken >= self.capacity

    @property
    def interpretations(self):
        """What a visitor can choose: codes of `Registration.Interpretation`, as this webinar offers them."""
        offers = {
            Registration.Interpretation.SPANISH: self.spanish_interpretation,
            Registration.Interpretation.ASL: self.asl_interpretation,
        }
        return [code for code, offered in offers.items() if offered]


class Registration(models.Model):
    """One person at one webinar, with what they need to take part as an equal: each request has a state (rule W2)."""

    class State(models.TextChoices):
        REGISTERED = "registered", _("Registered")
        CANCELLED = "cancelled", _("Cancelled")

    class Interpretation(models.TextChoices):
        NONE = "", _("No interpretation")
        SPANISH = "es", _("Spanish")
        ASL = "asl", _("American Sign Language (ASL)")

    class Access(models.TextChoices):
        NONE = "", ""
        ASKED = "asked", _("Asked")
        CONFIRMED = "confirmed", _("Confirmed")
        PROVIDED = "provided", _("Provided")

    webinar = models.ForeignKey(Webinar, models.CASCADE, related_name="registrations")
    # Empty once the person was erased: the registration still counts.
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="registrations")
    email = models.EmailField(_("email address"), max_length=254)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    interpretation = models.CharField(_("interpretation"), max_length=3, choices=Interpretation, blank=True)
    captions = models.BooleanField(_("captions"), default=False)
    access_needs = models.TextField(_("access needs"), max_length=500, blank=True)
    interpretation_state = models.CharField(_("state of the interpretation"), max_length=9, choices=Access, blank=True)
    captions_state = models.CharField(_("state of the captions"), max_length=9, choices=Access, blank=True)
    access_state = models.CharField(_("state of the access needs"), max_length=9, choices=Access, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.REGISTERED)
    nonce = models.CharField(max_length=22, unique=True)
    registered_at = models.DateTimeField(_("registered"), auto_now_add=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    sequence = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("Of the last calendar file that this person got.")
    )
    told = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("The webinar's sequence when this person was last written to.")
    )
    reminded = models.CharField(max_length=20, blank=True, editable=False, help_text=_("Names the last reminder."))

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("registration")
        verbose_name_plural = _("registrations")
        ordering = ["-registered_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["webinar", "person"], name="registration_once"),
            models.CheckConstraint(
                condition=(Q(interpretation="") ^ ~Q(interpretation_state=""))
                & (Q(captions=False) ^ ~Q(captions_state=""))
                & (Q(access_needs="") ^ ~Q(access_state="")),
                name="registration_requests_have_states",
            ),
        ]

    def __str__(self):
        return f"{self.whose} · {self.webinar}"

    @property
    def merge_rank(self):
        """When two people turn out to be one, the registration with a seat stands."""
        return self.state == self.State.REGISTERED

    @property
    def whose(self):
        """The person, or the word for somebody who was erased."""
        return self.person or _("Erased")

    @property
    def is_live(self):
        """Whether this person has a seat in a webinar that will take place."""
        return self.state == self.State.REGISTERED and not self.webinar.cancelled_at and not self.webinar.is_over
