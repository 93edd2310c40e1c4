"""Tags, and segments: saved questions about people."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField

from .people import Person, fold


class TagGroup(models.Model):
    """Tags that belong together, such as "Role at school"."""

    name = I18nCharField(_("name"), max_length=80)
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("tag group")
        verbose_name_plural = _("tag groups")
        ordering = ["position", "pk"]

    def __str__(self):
        return str(self.name)


class Tag(models.Model):
    name = models.CharField(_("name"), max_length=80)
    slug = models.CharField(max_length=80, unique=True, editable=False)
    group = models.ForeignKey(
        TagGroup, models.SET_NULL, null=True, blank=True, related_name="tags", verbose_name=_("group")
    )

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["slug"]

    def __str__(self):
        return self.name

    def save(self, *args, **kwargs):
        self.slug = fold(self.name)[:80]
        super().save(*args, **kwargs)


class Tagging(models.Model):
    person = models.ForeignKey(Person, models.CASCADE, related_name="taggings")
    tag = models.ForeignKey(Tag, models.CASCADE, related_name="taggings", db_index=False)
    at = models.DateTimeField(auto_now_add=True)

    wagtail_reference_index_ignore = True

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "person"], name="tagging_once")]

    def __str__(self):
        return str(self.tag)


class Segment(models.Model):
    """A tree of criteria, such as `{"all": [{"is": "language", "value": "es"}]}`; see `coalition.segments`."""

    name = models.CharField(_("name"), max_length=120)
    description = models.CharField(_("what it is for"), max_length=200, blank=True)
    criteria = models.JSONField(_("criteria"), default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["name"]

    def __str__(self):
        return self.name
