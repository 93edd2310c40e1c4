"""What staff keep for their own work: follow-ups, views of a list, and what was done to many people at once."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .organizations import Organization
from .people import Person


class FollowUp(models.Model):
    """Something that somebody of the staff means to do about a person or an organization."""

    person = models.ForeignKey(Person, models.CASCADE, null=True, blank=True, related_name="follow_ups")
    organization = models.ForeignKey(Organization, models.CASCADE, null=True, blank=True, related_name="follow_ups")
    text = models.CharField(_("what to do"), max_length=300)
    due = models.DateField(_("due"))
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="follow_ups",
        verbose_name=_("who"),
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    done_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("follow-up")
        verbose_name_plural = _("follow-ups")
        ordering = ["due", "pk"]
        indexes = [models.Index(fields=["owner", "due"], condition=Q(done_at=None), name="follow_up_open")]
        constraints = [
            models.CheckConstraint(
                condition=Q(person__isnull=False) ^ Q(organization__isnull=False), name="follow_up_of_one"
            )
        ]

    def __str__(self):
        return self.text


class SavedView(models.Model):
    """A list as somebody likes to see it: its search and filters, under a name."""

    class Screen(models.TextChoices):
        PEOPLE = "people", _("People")
        ORGANIZATIONS = "organizations", _("Organizations")

    screen = models.CharField(max_length=14, choices=Screen)
    name = models.CharField(_("name"), max_length=80)
    query = models.TextField(blank=True, help_text="The address's query string, without page and order of no meaning.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    shared = models.BooleanField(_("for everybody"), default=False)
    start = models.BooleanField(_("open the list with it"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "screen", "name"], name="saved_view_once"),
            models.UniqueConstraint(fields=["owner", "screen"], condition=Q(start=True), name="saved_view_one_start"),
        ]

    def __str__(self):
        return self.name


class PeopleList(models.Model):
    """People put together by hand; a segment can ask for it."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    people = models.ManyToManyField(Person, through="Listing", related_name="lists")

    class Meta:
        verbose_name = _("list")
        verbose_name_plural = _("lists")
        ordering = ["name"]

    def __str__(self):
        return self.name


class Listing(models.Model):
    """That a person is on a list."""

    people_list = models.ForeignKey(PeopleList, models.CASCADE, related_name="listings", db_index=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="listings")
    at = models.DateTimeField(auto_now_add=True)

    wagtail_reference_index_ignore = True

    class Meta:
        constraints = [models.UniqueConstraint(fields=["people_list", "person"], name="listing_once")]

    def __str__(self):
        return str(self.people_list)


class BulkAction(models.Model):
    """One thing done to everybody who was found; `BulkChange` keeps whom it changed, so that it can be undone."""

    class Kind(models.TextChoices):
        TAG = "tag", _("Add a tag")
        UNTAG = "untag", _("Remove a tag")
        LIST = "list", _("Add to a list")
        UNLIST = "unlist", _("Remove from a list")
        BIN = "bin", _("Move to the bin")
        RESTORE = "restore", _("Take out of the bin")

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        UNDOING = "undoing", _("Being undone")
        UNDONE = "undone", _("Undone")
        FAILED = "failed", _("Failed")

    kind = models.CharField(_("what"), max_length=8, choices=Kind)
    target = models.JSONField(default=dict, blank=True)  # {"tag": pk} or {"list": pk}
    query = models.TextField(blank=True)  # the list's filters, or {"pks": …} as chosen by hand
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.RUNNING)
    total = models.PositiveIntegerField(_("people"), default=0)
    done = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(_("when"), auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("bulk action")
        verbose_name_plural = _("bulk actions")
        ordering = ["-at", "-pk"]

    def __str__(self):
        return self.get_kind_display()


class BulkChange(models.Model):
    """Somebody whom a bulk action is about: waiting (changed is empty), changed, or already as asked."""

    action = models.ForeignKey(BulkAction, models.CASCADE, related_name="changes", db_index=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    changed = models.BooleanField(null=True)
    was = models.DateTimeField(null=True)  # since when what was taken away had stood: a tag, a listing, the bin

    wagtail_reference_index_ignore = True

    class Meta:
        constraints = [models.UniqueConstraint(fields=["action", "person"], name="bulk_change_once")]
        indexes = [models.Index(fields=["action", "id"], condition=Q(changed=None), name="bulk_change_waiting")]

    def __str__(self):
        return f"{self.action} · {self.person_id}"
