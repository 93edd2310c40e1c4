"""Doors for Wagtail's own signals: when an address appears, changes or goes, what is shown there learns of it."""

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from wagtail.models import PageViewRestriction
from wagtail.signals import page_published, page_slug_changed, page_unpublished, post_page_move

from cms import addresses
from cms.models import BriefPage, WebinarPage


@receiver(page_published, sender=BriefPage)
@receiver(page_published, sender=WebinarPage)
@receiver(page_unpublished, sender=BriefPage)
@receiver(page_unpublished, sender=WebinarPage)
def shown_here(sender, instance, **kwargs):
    addresses.tell(instance)


@receiver(post_save, sender=PageViewRestriction)
@receiver(post_delete, sender=PageViewRestriction)
def shut_or_opened(sender, instance, **kwargs):
    addresses.tell_below(instance.page)


@receiver(page_slug_changed)
@receiver(post_page_move)
def moved(sender, instance, **kwargs):
    addresses.tell_below(instance)
