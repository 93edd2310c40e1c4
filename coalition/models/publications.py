"""Publications, and the frozen texts that partners sign."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import connection, models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField

from .organizations import private_storage
from .privacy import Topic


class PublicationQuerySet(models.QuerySet):
    def steady(self, pk):
        """The publication, held as it is until the transaction ends: many may decide, nobody may amend meanwhile.

        `freeze` and others that change what is decided on take the row FOR UPDATE, which waits for this FOR SHARE.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM coalition_publication WHERE id = %s FOR SHARE", [pk])
        return self.get(pk=pk)

    def public(self):
        """Those that anybody may read: a page of the site shows them, or they were shown here."""
        return self.filter(
            Q(stand_alone=True, shown_at__isnull=False) | Q(stand_alone=False, public_url__contains="://")
        )


class Publication(models.Model):
    class Kind(models.TextChoices):
        BRIEF = "brief", _("Brief")
        REPORT = "report", _("Report")
        LETTER = "letter", _("Letter")
        TESTIMONY = "testimony", _("Testimony")
        ACTION = "action", _("Joint action")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.BRIEF)
    title = I18nCharField(_("title"), max_length=250)
    bill = models.CharField(_("bill or docket"), max_length=60, blank=True)
    authoritative_language = models.CharField(
        _("authoritative language"), max_length=10, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE
    )
    topics = models.ManyToManyField(Topic, blank=True, related_name="publications", verbose_name=_("topics"))
    prints_signers = models.BooleanField(
        _("print who signed for each organization"),
        default=False,
        help_text=_("Their name and title stand behind the organization's name, on the page and in the PDF."),
    )
    disclaimer = I18nTextField(
        _("disclaimer"), blank=True, help_text=_("Empty: the one of the coalition settings stands under the names.")
    )
    stand_alone = models.BooleanField(default=False, editable=False, help_text=_("Written here, not as a page."))
    draft = models.JSONField(default=dict, blank=True, editable=False)  # stand-alone: {code: {title, summary, html}}
    shown_at = models.DateTimeField(_("public since"), null=True, blank=True, editable=False)  # stand-alone
    public_url = I18nCharField(_("public address"), max_length=500, blank=True, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    objects = PublicationQuerySet.as_manager()

    class Meta:
        verbose_name = _("publication")
        verbose_name_plural = _("publications")
        ordering = ["-created_at", "-pk"]

    def __str__(self):
        return str(self.title)

    @property
    def current_version(self):
        """The newest frozen text, or None while nothing is frozen."""
        return self.versions.order_by("-number").first()


class Version(models.Model):
    """A frozen text (rule G2). Never edited: an amendment is a new version."""

    publication = models.ForeignKey(Publication, models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField(_("number"))
    digest = models.CharField(_("SHA-256 of the canonical text"), max_length=64)
    material = models.BooleanField(
        _("material"), default=True, help_text=_("Signatures on earlier versions do not carry over.")
    )
    note = I18nCharField(_("what changed"), max_length=500, blank=True)
    frozen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    frozen_at = models.DateTimeField(_("frozen"), auto_now_add=True)

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        ordering = ["publication", "-number"]
        constraints = [models.UniqueConstraint(fields=["publication", "number"], name="version_number_once")]

    def __str__(self):
        return _("Version %(number)s") % {"number": self.number}

    @property
    def code(self):
        """What the verification page is asked for: the first twelve hex digits of the digest."""
        return self.digest[:12]

    def text_in(self, language):
        """The text in a language, else in the authoritative one."""
        texts = {text.language: text for text in self.texts.all()}
        return texts.get(language) or texts.get(self.publication.authoritative_language) or next(iter(texts.values()))


class VersionText(models.Model):
    version = models.ForeignKey(Version, models.PROTECT, related_name="texts")
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    title = models.CharField(_("title"), max_length=250)
    summary = models.TextField(_("summary"), blank=True)
    html = models.TextField(_("text as shown"), help_text=_("Cleaned HTML of the body."))
    canonical = models.TextField(_("canonical text"), help_text=_("What the hash covers: see coalition.publishing."))
    # For the verification page: the same words in whatever spacing, and pieces by which an altered copy is recognised.
    fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    sketch = ArrayField(models.BigIntegerField(), default=list, blank=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "language"], name="version_language_once")]
        indexes = [
            models.Index(fields=["fingerprint"], name="version_text_fingerprint"),
            GinIndex(fields=["sketch"], name="version_text_sketch"),
        ]

    def __str__(self):
        return self.title


class Handover(models.Model):
    """The signed text was handed over: how, when, to whom, and who stood under it at that moment (rule G7)."""

    class Way(models.TextChoices):
        EMAIL = "email", _("By email")
        HAND = "hand", _("By hand")
        PORTAL = "portal", _("Through an official portal")
        POST = "post", _("By post")
        HEARING = "hearing", _("At a hearing")
        PRESS = "press", _("To the press")

    publication = models.ForeignKey(Publication, models.PROTECT, related_name="handovers")
    version = models.ForeignKey(Version, models.PROTECT, related_name="handovers")
    way = models.CharField(_("how"), max_length=8, choices=Way)
    to = I18nCharField(_("to whom"), max_length=250)
    note = models.TextField(_("note"), blank=True)
    at = models.DateTimeField(_("when"))
    zone = models.CharField(_("time zone"), max_length=40, default=settings.TIME_ZONE)
    # [{"organization": key, "scope", "names": {language: printed name}}], as it was at that moment.
    signatories = models.JSONField(default=list, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    recorded_at = models.DateTimeField(_("recorded"), auto_now_add=True)
    # What is still owed: the languages whose PDF is yet to be drawn, and whether the signatories are yet to be told.
    drawing = models.JSONField(default=list, editable=False)
    telling = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = _("delivery record")
        verbose_name_plural = _("delivery records")
        ordering = ["-at", "-pk"]

    def __str__(self):
        return f"{self.get_way_display()} · {self.to}"


class HandoverPaper(models.Model):
    """The PDF of one language as it was handed over, byte for byte."""

    handover = models.ForeignKey(Handover, models.CASCADE, related_name="papers")
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    file = models.FileField(_("file"), storage=private_storage, upload_to="handovers/%Y")
    digest = models.CharField(_("SHA-256 of the file"), max_length=64, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["handover", "language"], name="handover_language_once")]

    def __str__(self):
        return f"{self.handover} · {self.language}"
