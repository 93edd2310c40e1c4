"""How a step's wait is said."""

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()
DAY = 24


@register.filter
def wait_words(step, number):
    """ "At once", "2 days later", "5 hours after it begins". `number`: 1 is the first step."""
    hours = step.wait_hours
    first = number == 1
    if not hours:
        return _("At once") if first else _("Right after the step before")
    if hours % DAY:
        said = (
            ngettext("%(n)d hour after it begins", "%(n)d hours after it begins", hours)
            if first
            else ngettext("%(n)d hour later", "%(n)d hours later", hours)
        )
        return said % {"n": hours}
    days = hours // DAY
    said = (
        ngettext("%(n)d day after it begins", "%(n)d days after it begins", days)
        if first
        else ngettext("%(n)d day later", "%(n)d days later", days)
    )
    return said % {"n": days}
