"""What timelines say of a series: a line for everybody whom a statement moved, written by that statement."""

from django.urls import reverse
from django.utils.translation import gettext_lazy

from campaigns.models import Enrolment
from coalition import timeline
from coalition.models import Entry

ENTERED = gettext_lazy("Entered the series “%(name)s”")
ACTED = gettext_lazy("Acted, so the series “%(name)s” ended for them")
DONE = gettext_lazy("Went through the series “%(name)s”")
LEFT = gettext_lazy("Left the series “%(name)s”")
SAID = {Enrolment.State.ACTED: ACTED, Enrolment.State.LEFT: LEFT}
# A line on the timeline of everybody who was `told`, by the statement that says who.
TOLD = """
INSERT INTO coalition_entry (person_id, kind, text, link, at) SELECT person_id, %s, %s, %s, now() FROM told
"""


def line(series, said):
    """The parameters of TOLD."""
    text = timeline.in_all_languages(said, {"name": series.name})
    return [Entry.Kind.MESSAGE.value, Entry._meta.get_field("text").get_prep_value(text), link_of(series)]


def link_of(series):
    """The back-office page of a series."""
    return reverse("series:inspect", args=[series.pk])
