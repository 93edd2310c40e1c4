"""Sign-ons: a round asks partners; each answers with a decision that names the version it read."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField

from .organizations import Organization, Representative, private_storage
from .people import Person
from .policies import StandingAuthorization
from .publications import Publication, Version
from .segments import Segment


def usual_reminders():
    return [7, 2]


class Round(models.Model):
    """One time of asking partners to sign one publication, until a deadline with a zone (rule G3)."""

    publication = models.ForeignKey(Publication, models.PROTECT, related_name="rounds")
    addressee = I18nCharField(_("addressed to"), max_length=250, blank=True)
    message = I18nTextField(_("message to partners"), blank=True)
    deadline = models.DateTimeField(_("deadline for partners"))
    official_deadline = models.DateTimeField(
        _("official deadline"), null=True, blank=True, help_text=_("When the addressee must have it.")
    )
    zone = models.CharField(_("time zone"), max_length=40, default=settings.TIME_ZONE)
    quiet_from = models.DateField(_("quiet from"), null=True, blank=True)
    quiet_until = models.DateField(_("quiet until"), null=True, blank=True)
    scopes = models.JSONField(_("which organizations may sign"), default=list, blank=True)  # of Scope; empty: all
    individuals = models.BooleanField(_("individuals may sign too"), default=False)
    segment = models.ForeignKey(
        Segment, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("invited by segment")
    )
    by_text = models.BooleanField(
        _("also remind by text"), default=False, help_text=_("Only those who agreed to texts (rule S1).")
    )
    reminder_days = models.JSONField(_("reminders, days before the deadline"), default=usual_reminders, blank=True)
    second_after_days = models.PositiveSmallIntegerField(
        _("days after a reminder until the second representative is asked"), null=True, blank=True, default=3
    )
    charts = models.JSONField(default=dict, blank=True, editable=False)  # {language: SVG}, drawn by the worker
    charted_at = models.DateTimeField(null=True, blank=True, editable=False)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    opened_at = models.DateTimeField(_("opened"), auto_now_add=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("sign-on round")
        verbose_name_plural = _("sign-on rounds")
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(fields=["publication"], condition=Q(closed_at=None), name="round_one_open")
        ]

    def __str__(self):
        return str(self.publication)

    @property
    def is_open(self):
        return self.closed_at is None and timezone.now() <= self.deadline


class Invitation(models.Model):
    """One representative asked in one round; the personal link points here."""

    round = models.ForeignKey(Round, models.CASCADE, related_name="invitations")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="invitations", db_index=False)
    # Empty once they no longer speak for it: that the organization was asked stands.
    representative = models.ForeignKey(Representative, models.SET_NULL, null=True, related_name="invitations")
    version = models.ForeignKey(
        Version, models.PROTECT, related_name="+", help_text=_("The version they were last asked about.")
    )
    nonce = models.CharField(max_length=22, unique=True, help_text=_("In the personal link; a new one revokes it."))
    invited_at = models.DateTimeField(_("invited"))
    held_until = models.DateField(
        _("not asked before"), null=True, blank=True, help_text=_("The partner's own limit of asks is used up.")
    )
    seen_at = models.DateTimeField(_("seen"), null=True, blank=True)
    seen_version = models.ForeignKey(Version, models.SET_NULL, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [models.UniqueConstraint(fields=["round", "representative"], name="invitation_once")]
        # What a board and the forecast ask: one partner in one round, and when it was asked in all of them.
        indexes = [
            models.Index(fields=["organization", "round"], include=["invited_at"], name="invitation_of_organization")
        ]

    def __str__(self):
        return f"{self.organization} · {self.round}"


class Ask(models.Model):
    """One time somebody of a partner was written to about a round: what its limit and the forecast count."""

    class Kind(models.TextChoices):
        INVITATION = "invitation", _("Invitation")
        REMINDER = "reminder", _("Reminder")
        AGAIN = "again", _("Asked again")

    invitation = models.ForeignKey(Invitation, models.CASCADE, related_name="asks")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="asks", db_index=False)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    channel = models.CharField(_("channel"), max_length=5, default="email")
    step = models.PositiveSmallIntegerField(null=True, blank=True)  # which of `Round.reminder_days`; None: by hand
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("ask")
        verbose_name_plural = _("asks")
        indexes = [models.Index(fields=["organization", "-at"], name="ask_of_organization")]

    def __str__(self):
        return f"{self.organization} · {self.get_kind_display()}"


class LinkDevice(models.Model):
    """A device on which somebody's personal links were opened: how a forwarded link is noticed."""

    representative = models.ForeignKey(Representative, models.CASCADE, related_name="devices")
    key = models.CharField(max_length=64)  # SHA-256 of the random value in the device's own cookie
    first_at = models.DateTimeField(_("first opened"), auto_now_add=True)
    last_at = models.DateTimeField(_("last opened"), auto_now=True)
    trusted_at = models.DateTimeField(null=True, blank=True)  # the first device, or one that proved the email address

    class Meta:
        constraints = [models.UniqueConstraint(fields=["representative", "key"], name="link_device_once")]

    def __str__(self):
        return str(self.representative)


class EmailCode(models.Model):
    """A short code sent to somebody's own address, which opens a partner's desk once."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="email_codes")
    digest = models.CharField(max_length=64)
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self):
        return str(self.person)


class DecisionQuerySet(models.QuerySet):
    def live(self):
        return self.filter(live=True)

    def counted(self):
        """Without the late signatures that staff have not accepted (rule G3)."""
        return self.exclude(late=True, choice="sign", accepted=None).exclude(accepted=False)

    def waiting(self):
        """Late signatures that wait for staff: the partner has said nothing else since."""
        later = self.model.objects.filter(publication=OuterRef("publication"), organization=OuterRef("organization"))
        later = later.after(OuterRef("at"), OuterRef("pk"))
        return self.filter(late=True, choice="sign", accepted=None).exclude(Exists(later))

    # As they were given, which is not as they were written down where two records of an organization became one.

    def before(self, at, pk):
        return self.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk))

    def after(self, at, pk):
        return self.filter(Q(at__gt=at) | Q(at=at, pk__gt=pk))


class Decision(models.Model):
    """An appended answer. At most one is live per organization and publication (rule G4)."""

    class Choice(models.TextChoices):
        SIGN = "sign", _("Sign")
        SUPPORT = "support", _("Support quietly")
        ABSTAIN = "abstain", _("Abstain")
        DECLINE = "decline", _("Decline")
        TIME = "time", _("Need time")
        WITHDRAW = "withdraw", _("Withdraw")

    class Via(models.TextChoices):
        LINK = "link", _("Personal link")
        LETTER = "letter", _("Letter, recorded by staff")
        STANDING = "standing", _("Standing authorization")

    publication = models.ForeignKey(Publication, models.PROTECT, related_name="decisions")
    version = models.ForeignKey(Version, models.PROTECT, related_name="decisions")
    round = models.ForeignKey(Round, models.PROTECT, null=True, blank=True, related_name="decisions")
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="decisions")
    invitation = models.ForeignKey(Invitation, models.SET_NULL, null=True, blank=True, related_name="decisions")
    choice = models.CharField(_("decision"), max_length=10, choices=Choice)
    signer = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="decisions")
    signer_name = models.CharField(_("name of the signer"), max_length=200)
    signer_title = models.CharField(_("title of the signer"), max_length=200, blank=True)
    attested = models.BooleanField(_("attested the authority to bind the organization"), default=False)
    attestation = models.TextField(_("what was attested, word for word"), blank=True)
    with_logo = models.BooleanField(_("with its logo"), default=False)
    until = models.DateField(_("needs time until"), null=True, blank=True)
    via = models.CharField(_("how it came"), max_length=8, choices=Via, default=Via.LINK)
    authorization = models.ForeignKey(
        StandingAuthorization, models.SET_NULL, null=True, blank=True, related_name="decisions"
    )
    proof = models.FileField(_("scanned letter"), storage=private_storage, upload_to="letters/%Y", blank=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    language = models.CharField(_("language read"), max_length=10, choices=settings.LANGUAGES)
    reason = models.TextField(_("reason"), blank=True)
    reason_private = models.BooleanField(_("the reason stays inside the organization"), default=False)
    late = models.BooleanField(_("after the deadline"), default=False)
    accepted = models.BooleanField(
        _("late answer accepted"), null=True, blank=True, help_text=_("Unknown while it waits for staff.")
    )
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    live = models.BooleanField(default=True)
    at = models.DateTimeField(_("when"))

    objects = DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["publication", "organization"], condition=Q(live=True), name="decision_one_live"
            ),
            models.CheckConstraint(condition=~Q(choice="sign") | Q(attested=True), name="decision_sign_is_attested"),
            models.CheckConstraint(
                condition=Q(live=False) | Q(late=False) | ~Q(choice="sign") | Q(accepted=True),
                name="decision_late_is_accepted",
            ),
            models.CheckConstraint(
                condition=~Q(choice="time") | Q(until__isnull=False), name="decision_time_has_an_end"
            ),
            models.CheckConstraint(condition=Q(with_logo=False) | Q(choice="sign"), name="decision_logo_is_signed"),
        ]
        indexes = [
            models.Index(fields=["version", "choice"], condition=Q(live=True), name="decision_of_version"),
            models.Index(fields=["publication", "organization", "-id"], name="decision_history"),
            models.Index(fields=["organization", "-at"], name="decision_of_organization"),
        ]

    def __str__(self):
        return f"{self.organization} · {self.get_choice_display()}"


class Remark(models.Model):
    """One post of the thread between a partner and the organizers about a publication."""

    class Kind(models.TextChoices):
        QUESTION = "question", _("Question")
        ANSWER = "answer", _("Answer")
        PROPOSAL = "proposal", _("Proposed edit")

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        TAKEN = "taken", _("Taken up")
        DECLINED = "declined", _("Not taken up")

    round = models.ForeignKey(Round, models.CASCADE, related_name="remarks")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="remarks")
    version = models.ForeignKey(Version, models.PROTECT, related_name="+")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    body = models.TextField(_("text"), blank=True)
    passage = models.TextField(_("passage"), blank=True)
    proposal = models.TextField(_("proposed wording"), blank=True)
    about = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="answers")  # of an answer
    shared_as = models.TextField(
        _("the question as every partner reads it"), blank=True, help_text=_("Empty: only the one who asked sees it.")
    )
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    person = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="remarks")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("remark")
        verbose_name_plural = _("remarks")
        ordering = ["at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="answer", about__isnull=False) | (~Q(kind="answer") & Q(about=None, shared_as="")),
                name="remark_answer_is_about_one",
            )
        ]
        indexes = [models.Index(fields=["round"], condition=Q(state="open"), name="remark_open")]

    def __str__(self):
        return f"{self.organization} · {self.get_kind_display()}"


class Review(models.Model):
    """A colleague inside the organization is asked what they recommend. It binds nobody; organizers never see it."""

    class Recommendation(models.TextChoices):
        YES = "yes", _("Yes, sign")
        NO = "no", _("No, do not sign")
        CHANGES = "changes", _("Only with changes")

    invitation = models.ForeignKey(Invitation, models.CASCADE, related_name="reviews")
    version = models.ForeignKey(Version, models.PROTECT, related_name="+")
    name = models.CharField(_("name"), max_length=200)
    email = models.EmailField(_("email"))
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    note = models.TextField(_("message to the colleague"), blank=True)
    nonce = models.CharField(max_length=22, unique=True)
    recommendation = models.CharField(_("recommendation"), max_length=8, choices=Recommendation, blank=True)
    comment = models.TextField(_("comment"), blank=True)
    asked_at = models.DateTimeField(_("asked"))
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ["asked_at", "pk"]

    def __str__(self):
        return f"{self.name} · {self.invitation}"


class Endorsement(models.Model):
    """An individual signs, where the round allows it. It counts once the email address is confirmed.

    Who signs again after a material amendment has a row for each version, so that the old one keeps its list.
    """

    round = models.ForeignKey(Round, models.PROTECT, related_name="endorsements")
    publication = models.ForeignKey(Publication, models.PROTECT, related_name="endorsements")
    version = models.ForeignKey(Version, models.PROTECT, related_name="endorsements")
    person = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="endorsements")
    name = models.CharField(_("name"), max_length=200)
    email = models.EmailField(_("email"))
    city = models.CharField(_("city"), max_length=100, blank=True)
    affiliation = models.CharField(_("title and organization, for identification only"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    wording = models.TextField(_("what was confirmed, word for word"))
    nonce = models.CharField(max_length=22, unique=True)
    at = models.DateTimeField(_("signed"))
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    late = models.BooleanField(_("after the deadline"), default=False)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("individual signature")
        verbose_name_plural = _("individual signatures")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint("version", Lower("email"), condition=~Q(email=""), name="endorsement_once")
        ]
        indexes = [
            models.Index(fields=["version", "name"], condition=~Q(confirmed_at=None), name="endorsement_of_version")
        ]

    def __str__(self):
        return self.name
