"""Confirm an import, or let it go. Preparing one is `coalition.preparing`."""

from datetime import timedelta
from functools import partial

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import audit
from coalition.layouts import check_mapping
from coalition.models import Import
from coalition.preparing import originals

from .previewing import report

ABANDONED = timedelta(days=14)


def check_options(mapping, options):
    """Raise ValidationError when a consent would be opened without its proof (rule S1)."""
    columns = set(mapping.values())
    for way, wording, proofs in (
        ("email_consent", "email_wording", {"email_yes", "email_yes_at", "email_status"}),
        ("text_consent", "text_wording", {"text_yes", "text_yes_at", "text_status"}),
    ):
        if not options.get(way):
            continue
        if options[way] == "column" and not proofs & columns:
            raise ValidationError({way: _("Choose first which column says that they agreed.")})
        if way == "text_consent" and options[way] != "column":
            raise ValidationError({way: _("Texts need a column that says who agreed to texts.")})
        if not options.get(wording, "").strip():
            raise ValidationError({wording: _("Enter the words that people saw when they agreed.")})


def start(batch):
    """Confirm the preview; pressing it twice starts it once. Raises ValidationError where columns or proofs lack."""
    check_mapping(batch.mapping)
    check_options(batch.mapping, batch.options)
    return bool(
        Import.objects.filter(pk=batch.pk, state=Import.State.UPLOADED).update(
            state=Import.State.RUNNING, touched_at=timezone.now(), error=""
        )
    )


@transaction.atomic
def cancel(batch):
    """Stop before the next chunk. What is in stays in, and the report says what that is."""
    waiting = Import.objects.filter(pk=batch.pk, state__in=[Import.State.UPLOADED, Import.State.RUNNING])
    if not waiting.update(state=Import.State.CANCELLED, finished_at=timezone.now()):
        return False
    batch = Import.objects.get(pk=batch.pk)
    if batch.done:
        record(batch)
    forget_file(batch)
    return True


def forget_file(batch):
    """The file holds more about people than we were asked to keep: once it is in, it goes."""
    for name in originals(batch):
        transaction.on_commit(partial(batch.file.storage.delete, name))


def record(batch):
    """A line in the audit: what came in, by whom (rule P5)."""
    counts, reasons = report(batch)
    details = {"state": str(batch.state), "rows": counts, "reasons": reasons}
    return audit.record(audit.Action.IMPORT, batch, details=details, by=batch.created_by)


def discard_abandoned():
    """Throw away files that nobody confirmed: they hold people who were never brought in."""
    for batch in Import.objects.filter(state=Import.State.UPLOADED, touched_at__lt=timezone.now() - ABANDONED):
        cancel(batch)
