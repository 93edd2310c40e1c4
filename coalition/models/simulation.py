"""What the simulated channels delivered: the demo's outbox and phones read it. Empty in production."""

from django.db import models


class SimulatedEmail(models.Model):
    to = models.CharField(max_length=254)
    subject = models.CharField(max_length=250, blank=True)
    language = models.CharField(max_length=10, blank=True, help_text="Its Content-Language.")
    raw = models.TextField(help_text="The whole message as it would have left (RFC 5322).")
    at = models.DateTimeField(auto_now_add=True)

    wagtail_reference_index_ignore = True

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["to", "-id"], name="simulated_email_to")]

    def __str__(self):
        return f"#{self.pk}"


class SimulatedText(models.Model):
    sid = models.CharField(max_length=34, unique=True)
    number = models.CharField(max_length=20, help_text="The person's phone.")
    ours = models.CharField(max_length=34)
    incoming = models.BooleanField(default=False, help_text="Sent by the person to us.")
    body = models.TextField()
    status = models.CharField(max_length=12, default="delivered")
    at = models.DateTimeField(auto_now_add=True)

    wagtail_reference_index_ignore = True

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["number", "id"], name="simulated_text_number")]

    def __str__(self):
        return self.sid
