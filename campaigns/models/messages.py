"""Messages to many, and the ledger that says who got them, and if not, why."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField

from coalition.models import Address, Person, Segment, Topic

from .blocks import is_written, plain
from .campaigns import Campaign


class Message(models.Model):
    """One alert, by email or by text, written in every language its audience needs (rule L2)."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SCHEDULED = "scheduled", _("Scheduled")
        RUNNING = "running", _("In a series")
        SENDING = "sending", _("Sending")
        PAUSED = "paused", _("Paused")
        SENT = "sent", _("Sent")
        CANCELLED = "cancelled", _("Cancelled")

    channel = models.CharField(_("channel"), max_length=5, choices=Address.Channel, default=Address.Channel.EMAIL)
    name = models.CharField(_("name"), max_length=150, help_text=_("Only you see it."))
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="messages", verbose_name=_("campaign"))
    included = models.ManyToManyField(
        Segment,
        related_name="messages",
        blank=True,
        verbose_name=_("send it to"),
        help_text=_("People in any of these. Empty means everybody who agreed."),
    )
    excluded = models.ManyToManyField(
        Segment, related_name="left_out_of", blank=True, verbose_name=_("but not to"), help_text=_("They stay out.")
    )
    share = models.PositiveSmallIntegerField(
        _("percent of them, drawn by lot"),
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
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
    is_template = models.BooleanField(
        _("template"), default=False, help_text=_("To begin others from. It is never sent itself.")
    )
    archived = models.BooleanField(
        _("public archive"), default=False, help_text=_("Anyone can read it on the site once it was sent.")
    )
    source = models.CharField(
        _("tracking code"),
        max_length=40,
        blank=True,
        help_text=_("Added to its links, so that a site or a partner can tell where a visitor came from."),
    )
    # When and by whom it may leave.
    send_at = models.DateTimeField(_("leaves"), null=True, blank=True)
    send_local = models.BooleanField(
        _("at that time on each person's own clock"), default=False, help_text=_("Else all of it leaves at once.")
    )
    # When sending begins: once it cannot be undone any more, and some clock shows `send_at`.
    due_at = models.DateTimeField(null=True, blank=True)
    scheduled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    scheduled_at = models.DateTimeField(null=True, blank=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    approval_asked_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="approvals_asked"
    )
    approval_asked_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    approval_note = models.CharField(_("note"), max_length=500, blank=True)
    sent_back_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    sent_back_at = models.DateTimeField(_("sent back"), null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    active_at = models.DateTimeField(null=True, blank=True, help_text="When a worker last took a batch of it.")
    paused_because = models.CharField(_("paused because"), max_length=200, blank=True)
    judged_from = models.DateTimeField(
        null=True, blank=True, help_text="The circuit breaker counts what left since: somebody saw what was before."
    )
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    summarised_at = models.DateTimeField(null=True, blank=True, help_text="When its figures went to the organizer.")

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-created_at", "-pk"]
        permissions = [("send_message", _("Can send messages"))]

    def __str__(self):
        return self.name

    def waivers_in_force(self):
        """Its waivers, each given for the words as they stand: one falls when they change."""
        changed = MessageContent.objects.filter(message=OuterRef("message"), updated_at__gt=OuterRef("at"))
        return self.waivers.filter(~Exists(changed)).select_related("by")

    def waived(self, check_key):
        """The waiver of a check that is in force, or None."""
        return self.waivers_in_force().filter(check_key=check_key).first()


class Waiver(models.Model):
    """A check that a message leaves in spite of: who says so, and why (rule L2)."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="waivers")
    check_key = models.CharField(_("check"), max_length=30)
    reason = models.CharField(_("reason"), max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(_("since"), db_default=Now())

    class Meta:
        verbose_name = _("waiver")
        constraints = [models.UniqueConstraint(fields=["message", "check_key"], name="waiver_once_a_check")]

    def __str__(self):
        return f"{self.message_id} {self.check_key}"


class MessageContent(models.Model):
    """The words of a message in one language, for one variant of it (FIRST where nothing is tested).

    An email has `blocks`: [{"id", "type", "value"}], the same ids and types in every language; a text has a `body`.
    Both may hold merge fields such as {{ first_name }}.
    """

    FIRST = "a"  # the variant that everybody gets where no test chose another

    message = models.ForeignKey(Message, models.CASCADE, related_name="contents")
    variant = models.CharField(_("variant"), max_length=1, default=FIRST, db_default=FIRST)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    sender = models.CharField(
        _("sender's name"), max_length=100, blank=True, help_text=_("Empty: the short name of the coalition.")
    )
    subject = models.CharField(_("subject"), max_length=150, blank=True)
    preheader = models.CharField(_("preheader"), max_length=150, blank=True)
    blocks = models.JSONField(default=list, blank=True)
    body = models.TextField(_("text"), blank=True)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    reviewed_at = models.DateTimeField(_("reviewed"), null=True, blank=True)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("message in a language")
        constraints = [
            models.UniqueConstraint(fields=["message", "variant", "language"], name="message_variant_language_once")
        ]

    def __str__(self):
        return f"{self.message} ({self.language})"

    @property
    def is_written(self):
        """Whether the language says anything of its own; blocks may stand there empty."""
        return bool(self.body.strip()) or is_written(self.blocks)

    @property
    def words(self):
        """What it says as plain text, without subject and preheader: for a search, a glance."""
        return self.body or plain(self.blocks)


class DeliveryQuerySet(models.QuerySet):
    def due(self):
        """Queued rows whose time has come, and whose words are decided."""
        now = Q(not_before=None) | Q(not_before__lte=timezone.now())
        return self.filter(now, state=Delivery.State.QUEUED).exclude(variant="")

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
        CAPPED = "capped", _("Had enough messages lately")
        NOT_DRAWN = "not_drawn", _("Not drawn by lot")
        UNDER_AGE = "under_age", _("Under 18")
        EXCLUDED = "excluded", _("Left out by a segment")
        ACTED = "acted", _("Acted before its turn")
        FOLLOWED = "followed", _("Followed a link before its turn")

    message = models.ForeignKey(Message, models.CASCADE, related_name="deliveries", db_index=False)
    # Empty once the person was erased: the row still counts.
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="deliveries", db_index=False)
    value = models.CharField(_("address"), max_length=254, blank=True)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    # Which words they got; empty until a test has decided.
    variant = models.CharField(
        _("variant"), max_length=1, default=MessageContent.FIRST, db_default=MessageContent.FIRST, blank=True
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    reason = models.CharField(_("reason"), max_length=14, choices=Reason, default=Reason.NONE, blank=True)
    error = models.CharField(max_length=200, blank=True)
    provider_id = models.CharField(max_length=200, blank=True)
    via = models.CharField(max_length=20, blank=True, db_default="", help_text="Which provider took it.")
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    updated_at = models.DateTimeField(_("changed"), db_default=Now())

    objects = DeliveryQuerySet.as_manager()
    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            # In this order it also finds what somebody got: every index costs each delivery three times.
            models.UniqueConstraint(fields=["person", "message"], name="delivery_once_a_person"),
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
