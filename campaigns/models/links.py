"""Where the links of a message lead, who followed them, whether they answer; and which emails loaded their pictures."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .messages import Delivery, Message


class Link(models.Model):
    """One address that a message leads to. Our own redirect knows it by number, so it redirects nowhere else."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="links")
    url = models.CharField(_("address"), max_length=1000)
    is_trap = models.BooleanField(default=False, help_text="No person sees it: who follows it is a scanner.")

    class Meta:
        verbose_name = _("link")
        constraints = [models.UniqueConstraint(fields=["message", "url", "is_trap"], name="link_once_a_message")]

    def __str__(self):
        return self.url


class Click(models.Model):
    """Somebody, or something, followed a link of a delivery (rule E6: scanners are told from people)."""

    class By(models.TextChoices):
        PERSON = "person", _("Person")
        SCANNER = "scanner", _("Scanner")
        UNSURE = "unsure", _("Unsure")

    link = models.ForeignKey(Link, models.CASCADE, related_name="clicks")
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="clicks")
    at = models.DateTimeField(auto_now_add=True)
    by = models.CharField(max_length=8, choices=By, default=By.PERSON)
    why = models.CharField(max_length=20, blank=True, help_text="What gave a scanner away.")

    wagtail_reference_index_ignore = True

    class Meta:
        indexes = [models.Index(fields=["delivery", "at"], name="click_of_delivery")]

    def __str__(self):
        return f"{self.link_id} {self.by}"


class Opening(models.Model):
    """When the pictures of a delivery were first loaded, by whomever: it decides nothing (rule E6)."""

    delivery = models.OneToOneField(Delivery, models.CASCADE, primary_key=True, related_name="opening")
    at = models.DateTimeField(_("when"))

    wagtail_reference_index_ignore = True

    def __str__(self):
        return f"{self.delivery_id}"


class LinkCheck(models.Model):
    """Whether an address answered when it was last asked. Addresses that stand in no draft any more may go."""

    url = models.CharField(max_length=1000, unique=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP status of the last answer.")
    error = models.CharField(max_length=100, blank=True)

    def __str__(self):
        return self.url
