"""Doors that open on the queue. Each takes at most a primary key, is safe to run twice, and finds its own work."""

from celery import shared_task
from django.utils import timezone

from coalition import (
    bulk,
    charts,
    duplicates,
    endorsing,
    handing_over,
    importing,
    notices,
    preferences,
    retention,
    reviewing,
    sign_ins,
    signing_on,
)
from coalition.forms import finding
from coalition.models import BulkAction, DuplicateSearch, Handover, Heartbeat, Import, Round
from coalition.signing_on import authorizing, codes, devices

IMPORT_CHUNKS = 80  # 200,000 rows, a turn of some forty seconds; then others may have the worker
BULK_CHUNKS = 20
SEARCH_CHUNKS = 20
MERGED_AT_ONCE = 50


@shared_task
def send_notices():
    """Send what is owed; while there is more, queue another turn."""
    if notices.send_due():
        send_notices.delay()


@shared_task
def import_people(import_id):
    """Bring in some chunks of a file; while rows remain, queue another turn."""
    batch = Import.objects.filter(pk=import_id).first()
    if batch and importing.run(batch, chunks=IMPORT_CHUNKS):
        import_people.delay(import_id)


@shared_task
def undo_import(import_id):
    """Undo some chunks of an import; while rows remain, queue another turn."""
    batch = Import.objects.filter(pk=import_id).first()
    if batch and importing.run_undo(batch, chunks=IMPORT_CHUNKS):
        undo_import.delay(import_id)


@shared_task
def work_in_bulk(action_id):
    """Do (or undo) one thing to some chunks of people; while there are more, queue another turn."""
    action = BulkAction.objects.filter(pk=action_id).first()
    if action and bulk.waits_to_freeze(action):
        bulk.freeze(action, finding.found(action.query))
    if action and bulk.run(action, chunks=BULK_CHUNKS):
        work_in_bulk.delay(action_id)


@shared_task
def look_for_duplicates():
    """Beat's other round: compare whoever changed since the last time."""
    if duplicates.due():
        search, new = duplicates.start()
        if new:
            find_duplicates.delay(search.pk)


@shared_task
def find_duplicates(search_id):
    """Go on with a search for some chunks; at its end, merge what is certain, where that is switched on."""
    search = DuplicateSearch.objects.filter(pk=search_id).first()
    if search and duplicates.run(search, chunks=SEARCH_CHUNKS):
        find_duplicates.delay(search_id)
    elif search:
        merge_certain.delay()


@shared_task
def merge_certain():
    """Merge some of the certain pairs; while there are more, queue another turn."""
    if duplicates.merge_certain(limit=MERGED_AT_ONCE):
        merge_certain.delay()


@shared_task
def retain():
    """Beat's slow round: ask, forget and clear away what the rules of retention name, some people at a time (P6)."""
    if retention.run():
        send_notices.delay()
        retain.delay()
    else:
        sign_ins.forget_old()
        reviewing.forget_old()
        codes.forget_old()
        devices.forget_old()
        if authorizing.tell_of_ends():
            send_notices.delay()


@shared_task
def draw_chart(round_id):
    """Draw the progress of a round for its board; beat asks for it once answers have come in."""
    if round_ := Round.objects.filter(pk=round_id).select_related("publication").first():
        charts.draw(round_)


@shared_task
def finish_handover(handover_id):
    """Draw the papers of a delivery record and tell who signed."""
    if handover := Handover.objects.select_related("publication", "version").filter(pk=handover_id).first():
        handing_over.finish(handover)
        send_notices.delay()


@shared_task
def remind():
    """Beat's round for sign-ons: write what open rounds owe by now; while there is more, queue another turn."""
    if signing_on.remind_due():
        send_notices.delay()
        remind.delay()


@shared_task
def sweep():
    """Beat's round: show life, settle what dead workers held, pick up what the queue lost."""
    Heartbeat.objects.update_or_create(name="beat", defaults={"at": timezone.now()})
    notices.sweep()
    preferences.forget_unconfirmed()
    endorsing.forget_unconfirmed()
    endorsing.tell_of_amendments()
    send_notices.delay()
    for import_id in importing.stalled():
        import_people.delay(import_id)
    for import_id in importing.stalled_undos():
        undo_import.delay(import_id)
    for action_id in bulk.stalled():
        work_in_bulk.delay(action_id)
    for search_id in duplicates.stalled():
        find_duplicates.delay(search_id)
    for handover_id in handing_over.stalled():
        finish_handover.delay(handover_id)
    for round_id in charts.due():
        draw_chart.delay(round_id)
    importing.discard_abandoned()
