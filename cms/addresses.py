"""Keep publications and webinars told where the public finds them: messages and calendar files link there."""

from cms import navigation
from cms.models import BriefPage, WebinarPage


def tell(page):
    """Write the addresses of a brief or a webinar page, in every language, to what it shows."""
    shown = page.publication if isinstance(page, BriefPage) else page.webinar
    if shown is not None:
        type(shown).objects.filter(pk=shown.pk).update(public_url=navigation.public_addresses(page))


def tell_below(page):
    """After a page got another address: everything from it downwards."""
    for model in (BriefPage, WebinarPage):
        for each in model.objects.descendant_of(page, inclusive=True):
            tell(each)
