"""Messages to many, and the ledger that says who got them, and if not, why."""

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField

from coalition.models import Address, Person, Segment, Topic

from .campaigns import Campaign


class Message(models.Model):
    """One alert, by email or by text, written in every language its audience needs (rule L2)."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SENDING = "sending", _("Sending")
        PAUSED = "paused", _("Paused")
        SENT = "sent", _("Sent")
        CANCELLED = "cancelled", _("Cancelled")

    channel = models.CharField(_("channel"), max_length=5, choices=Address.Channel, default=Address.Channel.EMAIL)
    name = models.CharField(_("name"), max_length=150, help_text=_("Only you see it."))
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="messages", verbose_name=_("campaign"))
    segment = models.ForeignKey(
        Segment,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="messages",
        verbose_name=_("segment"),
        help_text=_("Empty means everybody who agreed."),
    )
    topic = models.ForeignKey(
        Topic,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="messages",
        verbose_name=_("topic"),
        help_text=_("Those who muted it do not get the message."),
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    waiver = models.CharField(_("reason to send with a language missing"), max_length=300, blank=True)
    waived_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    active_at = models.DateTimeField(null=True, blank=True, help_text="When a worker last took a batch of it.")
    paused_because = models.CharField(_("paused because"), max_length=200, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-created_at", "-pk"]
        permissions = [("send_message", _("Can send messages"))]

    def __str__(self):
        return self.name


class MessageContent(models.Model):
    """The words of a message in one language. Body: paragraphs with merge fields such as {{ first_name }}."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="contents")
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    subject = models.CharField(_("subject"), max_length=150, blank=True)
    preheader = models.CharField(_("preheader"), max_length=150, blank=True)
    body = models.TextField(_("text"), blank=True)
    action_label = models.CharField(_("button"), max_length=60, blank=True)
    action_url = models.CharField(_("button leads to"), max_length=300, blank=True)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    reviewed_at = models.DateTimeField(_("reviewed"), null=True, blank=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("message in a language")
        constraints = [models.UniqueConstraint(fields=["message", "language"], name="message_language_once")]

    def __str__(self):
        return f"{self.message} ({self.language})"


class DeliveryQuerySet(models.QuerySet):
    def due(self):
        """Queued rows whose time has come."""
        return self.filter(Q(not_before=None) | Q(not_before__lte=Now()), state=Delivery.State.QUEUED)

    @transaction.atomic(durable=True)
    def claim(self, limit):
        """Take up to `limit` due rows for this worker alone, committed before anything leaves.

        Returns their primary keys.

        Rows that another worker is taking are skipped, not waited for.
        """
        due = self.due().order_by("pk").select_for_update(skip_locked=True)
        taken = list(due.values_list("pk", flat=True)[:limit])
        self.filter(pk__in=taken).update(state=Delivery.State.SENDING, claimed_at=Now(), updated_at=Now())
        return taken

    def unfinished(self):
        return self.filter(state__in=[Delivery.State.QUEUED, Delivery.State.SENDING])


class Delivery(models.Model):
    """One message for one person: the row that answers "did she get it, and if not, why?"."""

    class State(models.TextChoices):
        """Anymail's words, plus two of our own: held back (never handed over) and uncertain (may have left)."""

        HELD = "held", _("Held back")
        QUEUED = "queued", _("Queued")
        SENDING = "sending", _("In hand")
        UNCERTAIN = "uncertain", _("Uncertain")
        SENT = "sent", _("Sent")
        DEFERRED = "deferred", _("Deferred")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Failed")
        REJECTED = "rejected", _("Rejected")
        BOUNCED = "bounced", _("Bounced")
        COMPLAINED = "complained", _("Marked as spam")

        @property
        def rank(self):
            """News only moves a delivery to a higher rank: late or repeated news is harmless."""
            return list(type(self)).index(self)

    class Reason(models.TextChoices):
        NONE = "", ""
        NO_ADDRESS = "no_address", _("No address")
        NO_CONSENT = "no_consent", _("No consent")
        UNSUBSCRIBED = "unsubscribed", _("Said stop")
        CLOSED = "closed", _("Address does not work")
        DUPLICATE = "duplicate", _("Same address as somebody else")
        NO_LANGUAGE = "no_language", _("Not written in their language")
        CANCELLED = "cancelled", _("Sending was cancelled")
        QUIET = "quiet", _("No time of day allowed it")
        REMOVED = "removed", _("No longer with us")
        MUTED = "muted", _("Muted this topic")

    message = models.ForeignKey(Message, models.CASCADE, related_name="deliveries", db_index=False)
    # Empty once the person was erased: the row still counts.
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="deliveries")
    value = models.CharField(_("address"), max_length=254, blank=True)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    reason = models.CharField(_("reason"), max_length=14, choices=Reason, default=Reason.NONE, blank=True)
    error = models.CharField(max_length=200, blank=True)
    provider_id = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(_("changed"), db_default=Now())

    objects = DeliveryQuerySet.as_manager()
    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(fields=["message", "person"], name="delivery_once_a_person"),
            models.UniqueConstraint(
                fields=["message", "value"], condition=~Q(state="held") & ~Q(value=""), name="delivery_once_an_address"
            ),
        ]
        indexes = [
            models.Index(fields=["message", "id"], condition=Q(state="queued"), name="delivery_queued"),
            models.Index(fields=["claimed_at"], condition=Q(state="sending"), name="delivery_in_hand"),
            models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="delivery_provider_id"),
            models.Index(fields=["message", "state", "language"], name="delivery_counts"),
        ]

    def __str__(self):
        return f"#{self.pk} {self.get_state_display()}"

    @property
    def merge_rank(self):
        """When two people turn out to be one, the delivery that came further stands for them."""
        return self.State(self.state).rank

    @property
    def whose(self):
        """The person, or the word for somebody who was erased."""
        return self.person or _("Erased")


class TrackingEvent(models.Model):
    """A provider's news, kept once: (provider, event id), or a hash where it gives none (rule E4)."""

    provider = models.CharField(max_length=30)
    event_id = models.CharField(max_length=120)
    kind = models.CharField(max_length=30)
    delivery = models.ForeignKey(Delivery, models.CASCADE, null=True, blank=True, related_name="events")
    at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)

    wagtail_reference_index_ignore = True

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="tracking_event_once")]

    def __str__(self):
        return f"{self.provider} {self.kind}"


class Choice(models.Model):
    """One answer that a text asks for, with the words that mean it in each language."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="choices")
    label = I18nCharField(_("answer"), max_length=60)
    words = models.CharField(
        _("words"), max_length=200, help_text=_("Separated by commas, in both languages: YES, SÍ, 1.")
    )
    reply = I18nCharField(_("reply"), max_length=300, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("answer to ask for")
        ordering = ["position", "pk"]

    def __str__(self):
        return str(self.label)
