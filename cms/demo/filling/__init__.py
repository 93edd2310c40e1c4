"""Fill an empty installation with the demo coalition: the same people every time, and nothing twice.

Words come from the TOML files beside this folder. What verbs can do (freezing, inviting, signing, sending, importing,
merging) verbs do, so that the demo holds nothing that the program could not have written itself.
"""

import random

from django.db import transaction
from django.utils.translation import gettext_noop

from .messages import fill_deliveries, fill_messages, fill_registrations, fill_replies
from .office import fill_installation, fill_own_words
from .organizations import fill_organizations, fill_partnerships
from .people import fill_answers, fill_people
from .publishing import fill_pages, fill_rounds, fill_webinars
from .records import fill_duplicates, fill_import
from .sign_ons import fill_handover, fill_letter, fill_policies, fill_talk
from .work import fill_work

__all__ = ["STEPS", "fill", "fill_installation", "fill_own_words", "fill_webinars"]

STEPS = [
    (gettext_noop("Settings and staff"), fill_installation),
    (gettext_noop("People"), fill_people),
    (gettext_noop("Fields, tags and topics"), fill_own_words),
    (gettext_noop("What people said of themselves"), fill_answers),
    (gettext_noop("Organizations"), fill_organizations),
    (gettext_noop("Partnerships"), fill_partnerships),
    (gettext_noop("Webinars"), fill_webinars),
    (gettext_noop("Pages"), fill_pages),
    (gettext_noop("Sign-on rounds"), fill_rounds),
    (gettext_noop("Deliveries"), fill_handover),
    (gettext_noop("How partners decide"), fill_policies),
    (gettext_noop("Questions"), fill_talk),
    (gettext_noop("An open letter"), fill_letter),
    (gettext_noop("Messages"), fill_messages),
    (gettext_noop("Sending"), fill_deliveries),
    (gettext_noop("Replies"), fill_replies),
    (gettext_noop("Registrations"), fill_registrations),
    (gettext_noop("An import"), fill_import),
    (gettext_noop("Duplicates"), fill_duplicates),
    (gettext_noop("Lists, segments and follow-ups"), fill_work),
]


def fill(say=print):
    """Fill what is missing; safe to run again. `say` is told what is being done."""
    for name, step in STEPS:
        say(f"  {name} …")
        rng = random.Random(f"riverbend {name}")  # noqa: S311 - the same people every time
        if step is fill_deliveries:  # sending commits what it claims; broken off, it goes on where it was
            step(rng)
            continue
        with transaction.atomic():  # a step is done or not begun, however the filling ends
            step(rng)
