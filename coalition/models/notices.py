"""Small automatic messages to one person: receipts, links, invitations, replies. One row each, kept and retried."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .people import Address, Person


class Notice(models.Model):
    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENDING = "sending", _("Sending")
        SENT = "sent", _("Sent")
        DELIVERED = "delivered", _("Delivered")
        BOUNCED = "bounced", _("Bounced")
        FAILED = "failed", _("Failed")
        UNCERTAIN = "uncertain", _("Uncertain")

    channel = models.CharField(_("channel"), max_length=5, choices=Address.Channel)
    value = models.CharField(_("address"), max_length=254)
    person = models.ForeignKey(Person, models.CASCADE, null=True, blank=True, related_name="notices")
    kind = models.CharField(_("kind"), max_length=40)
    key = models.CharField(
        max_length=120, unique=True, help_text=_("Names what it is about, so that nothing is sent twice.")
    )
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    subject = models.CharField(_("subject"), max_length=250, blank=True)
    text = models.TextField(_("text"))
    html = models.TextField(blank=True)
    attachments = models.JSONField(default=list, blank=True, help_text=_("[{name, type, content}], content as text."))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text=_("Of no use, or not allowed, after this."))
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    provider_id = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="queued"), name="notice_due"),
            models.Index(fields=["claimed_at"], condition=Q(state="sending"), name="notice_in_hand"),
            models.Index(fields=["channel", "value", "-created_at"], name="notice_thread"),
            models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="notice_provider_id"),
        ]

    def __str__(self):
        return f"{self.kind} · {self.get_state_display()}"
