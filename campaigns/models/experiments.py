"""Tests of one wording against another."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .messages import Message


class SplitTest(models.Model):
    """Some of the audience get variants of a message; the one that moved most people to act goes to the rest.

    Decided within each language; `winners`: {language: variant}. Clicks decide nothing, confirmed actions do (rule E6).
    """

    message = models.OneToOneField(Message, models.CASCADE, related_name="split_test")
    share = models.PositiveSmallIntegerField(
        _("percent of the audience that take part"),
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
    )
    hours = models.PositiveSmallIntegerField(
        _("hours until it is decided"), default=4, validators=[MinValueValidator(1), MaxValueValidator(336)]
    )
    decides_at = models.DateTimeField(_("decides"), null=True, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    winners = models.JSONField(default=dict, blank=True)
    figures = models.JSONField(default=dict, blank=True, help_text="What the decision was taken on.")

    class Meta:
        verbose_name = _("test")

    def __str__(self):
        return f"test of {self.message_id}"
