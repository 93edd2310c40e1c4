"""Count which emails load their pictures, where an administrator wants it: the first time of each, and nothing of who.

Mail programs load pictures by themselves, so it moves no delivery and decides nothing (rule E6).
"""

from operator import itemgetter

import structlog
from django.conf import settings
from django.db import Error, connection, transaction
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Delivery, Opening
from coalition.channels.letters import gap
from coalition.models import Installation

log = structlog.get_logger(__name__)
WAIT = "SET LOCAL lock_timeout = '1s'"  # for a delivery whose person is being erased; then it goes uncounted


def picture(installation):
    """The address of the picture that ends a letter, with the gap `click`; empty where openings are not counted."""
    if not installation.count_opens:
        return ""
    return settings.PUBLIC_URL + reverse("picture", args=["-token-"]).replace("-token-", gap("click"))


def note(delivery_pk):
    """Note that the picture of a delivery was loaded, once. What cannot be noted stops nobody."""
    try:
        if new := _new({delivery_pk: timezone.now()}):
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(WAIT)
                _keep(new)
    except Error as error:
        log.warning("opening not kept", delivery=delivery_pk, error=type(error).__name__)


def note_all(told):
    """Note what a provider tells: [(key of a delivery, moment)]. The first of each counts."""
    _keep(_new(dict(sorted(told, key=itemgetter(1), reverse=True))))


def _new(moments):
    """A row for each that is news in {key of a delivery: moment}. Asked without a lock: a loop writes nothing."""
    if not moments or not Installation.get().count_opens:
        return []
    unknown = Delivery.objects.filter(pk__in=moments, opening=None).order_by("pk").values_list("pk", flat=True)
    return [Opening(delivery_id=pk, at=moments[pk]) for pk in unknown]


def _keep(openings):
    Opening.objects.bulk_create(openings, ignore_conflicts=True)
