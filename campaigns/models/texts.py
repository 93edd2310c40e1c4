"""Texts that come in: each kept once, threaded into the conversation with its number."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField

from coalition.models import Person, Tag

from .campaigns import Campaign
from .messages import Choice, Message


class Keyword(models.Model):
    """A word that people text to join: it opens a consent in its language (rules S1, S2)."""

    word = models.CharField(_("word"), max_length=20, unique=True, help_text=_("Capitals, without accents: UNIRME."))
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    campaign = models.ForeignKey(Campaign, models.SET_NULL, null=True, blank=True, related_name="keywords")
    tag = models.ForeignKey(
        Tag, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("adds the tag")
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("keyword")
        verbose_name_plural = _("keywords")
        ordering = ["word"]

    def __str__(self):
        return self.word


class Conversation(models.Model):
    """Everything between us and one phone number."""

    number = models.CharField(_("phone number"), max_length=20, unique=True)
    person = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="conversations")
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    waiting_since = models.DateTimeField(_("waiting since"), null=True, blank=True)
    last_at = models.DateTimeField(_("last text"))
    asked = models.ForeignKey(
        Message, models.SET_NULL, null=True, blank=True, related_name="+", help_text=_("The question still open.")
    )
    keyword = models.ForeignKey(
        Keyword,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Joined by it, not yet confirmed."),
    )

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        ordering = ["-last_at"]
        indexes = [
            models.Index(fields=["-last_at"], name="conversation_newest"),
            models.Index(
                fields=["waiting_since"], condition=Q(waiting_since__isnull=False), name="conversation_waiting"
            ),
        ]

    def __str__(self):
        return str(self.person or _("Unknown number"))


class InboundText(models.Model):
    """A text as it came in; the carrier's id keeps a replay from counting twice (rule S10)."""

    class Kind(models.TextChoices):
        STOP = "stop", _("Stop")
        UNCLEAR_STOP = "unclear", _("May mean stop")
        HELP = "help", _("Help")
        START = "start", _("Start")
        JOIN = "join", _("Joins")
        CONFIRM = "confirm", _("Confirms")
        ANSWER = "answer", _("Answer")
        OTHER = "other", _("Message")

    sid = models.CharField(max_length=34, unique=True)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="texts")
    body = models.TextField(_("text"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    review_by = models.DateField(
        _("review by"), null=True, blank=True, help_text=_("Ten business days after an unclear wish to stop.")
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(_("when"))

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("text received")
        verbose_name_plural = _("texts received")
        ordering = ["at", "pk"]

    def __str__(self):
        return self.sid


class Answer(models.Model):
    """What a person answered to a message; the latest word counts."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="answers")
    # Empty once the person was erased: the answer still counts.
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="answers")
    choice = models.ForeignKey(Choice, models.PROTECT, related_name="answers")
    text = models.ForeignKey(InboundText, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(_("when"))

    wagtail_reference_index_ignore = True

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "person"], name="answer_once")]
        indexes = [models.Index(fields=["person", "-at"], name="answer_person")]

    def __str__(self):
        return str(self.choice)

    @property
    def merge_rank(self):
        """When two people turn out to be one, their latest word stands."""
        return self.at


class ReplyTemplate(models.Model):
    """The automatic words of the text programme (rule S2), which an administrator may change."""

    class Kind(models.TextChoices):
        ASK = "ask", _("Asks to confirm joining")
        WELCOME = "welcome", _("Confirms joining")
        HELP = "help", _("Answers HELP")
        STOPPED = "stopped", _("Confirms STOP")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind, unique=True)
    text = I18nCharField(_("text"), max_length=320)

    class Meta:
        verbose_name = _("automatic reply")
        verbose_name_plural = _("automatic replies")

    def __str__(self):
        return self.get_kind_display()
