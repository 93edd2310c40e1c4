"""Fill an empty installation with the demo coalition: the same people every time, and nothing twice.

Words come from the TOML files beside this folder. What verbs can do (freezing, inviting, signing, sending, importing,
merging) verbs do, so that the demo holds nothing that the program could not have written itself.
"""

import random
from contextlib import nullcontext

from django.db import connection, transaction
from django.utils.translation import gettext_noop

from .alerts import fill_calendar, fill_deliveries
from .messages import fill_messages, fill_replies
from .office import fill_installation, fill_own_words
from .organizations import fill_organizations, fill_partnerships
from .people import fill_answers, fill_people
from .publishing import fill_pages, fill_rounds, fill_webinars
from .records import fill_duplicates, fill_import
from .registrations import fill_registrations
from .series import fill_series
from .sign_ons import fill_handover, fill_letter, fill_policies, fill_talk
from .work import fill_work

__all__ = ["STEPS", "fill", "fill_installation", "fill_own_words", "fill_webinars"]

WHOLE = transaction.atomic  # a step is done or not begun, however the filling ends
IN_PARTS = nullcontext  # sending commits what it claims; broken off, the step goes on there
STEPS = [
    (gettext_noop("Settings and staff"), fill_installation, WHOLE),
    (gettext_noop("People"), fill_people, WHOLE),
    (gettext_noop("Fields, tags and topics"), fill_own_words, WHOLE),
    (gettext_noop("What people said of themselves"), fill_answers, WHOLE),
    (gettext_noop("Organizations"), fill_organizations, WHOLE),
    (gettext_noop("Partnerships"), fill_partnerships, WHOLE),
    (gettext_noop("Webinars"), fill_webinars, WHOLE),
    (gettext_noop("Pages"), fill_pages, WHOLE),
    (gettext_noop("Sign-on rounds"), fill_rounds, WHOLE),
    (gettext_noop("Deliveries"), fill_handover, WHOLE),
    (gettext_noop("How partners decide"), fill_policies, WHOLE),
    (gettext_noop("Questions"), fill_talk, WHOLE),
    (gettext_noop("An open letter"), fill_letter, WHOLE),
    (gettext_noop("Messages"), fill_messages, WHOLE),
    (gettext_noop("Sending"), fill_deliveries, IN_PARTS),
    (gettext_noop("Replies"), fill_replies, WHOLE),
    (gettext_noop("Registrations"), fill_registrations, WHOLE),
    (gettext_noop("A series"), fill_series, IN_PARTS),
    (gettext_noop("The sending calendar"), fill_calendar, WHOLE),
    (gettext_noop("An import"), fill_import, WHOLE),
    (gettext_noop("Duplicates"), fill_duplicates, WHOLE),
    (gettext_noop("Lists, segments and follow-ups"), fill_work, WHOLE),
]


def fill(say=print):
    """Fill what is missing; safe to run again. `say` is told what is being done."""
    for name, step, held_together in STEPS:
        if held_together is IN_PARTS:
            _count_rows()
        say(f"  {name} …")
        rng = random.Random(f"riverbend {name}")  # noqa: S311 - the same people every time
        with held_together():
            step(rng)
    _count_rows()


def _count_rows():
    """Tell the planner of tables that just grew: else the first pages after the filling take many seconds."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
