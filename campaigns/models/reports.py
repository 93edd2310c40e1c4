"""The figures of a message as they were counted last: the worker counts and draws, pages only read."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .messages import Message


class Report(models.Model):
    """What became of a message, by what people have in common, with its pictures.

    `figures`: see `campaigns.reporting.count`; `charts`: {language: {name: SVG}}.
    """

    message = models.OneToOneField(Message, models.CASCADE, related_name="report")
    figures = models.JSONField(default=dict)
    charts = models.JSONField(default=dict)
    counted_at = models.DateTimeField(_("counted"))
    took = models.FloatField(default=0, help_text="Seconds: what takes long is done less often.")

    class Meta:
        verbose_name = _("report")

    def __str__(self):
        return f"report of {self.message_id}"
