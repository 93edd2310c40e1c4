"""What people want to hear of, and what was erased."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField

from .people import Person


class Topic(models.Model):
    """What a message can be about. Everybody who said yes to a channel hears of every topic until they mute it."""

    slug = models.SlugField(max_length=40, unique=True)
    name = I18nCharField(_("name"), max_length=80)
    description = I18nCharField(_("description"), max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(_("order"), default=0)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering = ["position", "pk"]

    def __str__(self):
        return str(self.name)


class Muting(models.Model):
    """Somebody does not want to hear of a topic."""

    topic = models.ForeignKey(Topic, models.CASCADE, related_name="mutings", db_index=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="mutings")
    at = models.DateTimeField(auto_now_add=True)

    wagtail_reference_index_ignore = True

    class Meta:
        constraints = [models.UniqueConstraint(fields=["topic", "person"], name="muting_once")]

    def __str__(self):
        return str(self.topic)


class Erasure(models.Model):
    """That somebody was erased or anonymised, without saying who (rules P4, P6)."""

    class Source(models.TextChoices):
        PERSON = "person", _("Asked on the preference page")
        STAFF = "staff", _("Asked of staff")
        RETENTION = "retention", _("Retention")

    source = models.CharField(_("source"), max_length=9, choices=Source)
    removed = models.JSONField(default=dict)  # {"coalition.address": 2, …}
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        ordering = ["-at", "-pk"]

    def __str__(self):
        return f"{self.at:%Y-%m-%d}"
