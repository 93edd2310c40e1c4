"""Keep a file, hear what the organizer says of it, confirm it, or let it go."""

from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import reading_files
from coalition.models import Import
from coalition.reading_people import check_mapping, layout_of, suggest

ABANDONED = timedelta(days=14)


def upload(file, name, *, by=None):
    """Keep a file that can be read, with a suggestion for its columns. Raises Unreadable, and keeps nothing then."""
    sheet = reading_files.inspect(file)
    file.seek(0)
    batch = Import(
        name=name[-200:],
        layout=layout_of(sheet.header),
        encoding=sheet.encoding,
        delimiter=sheet.delimiter,
        rows=sheet.rows,
        mapping=suggest(sheet.header),
        options={"language": settings.LANGUAGE_CODE, "existing": "fill"},
        created_by=by,
    )
    batch.file.save("people.csv", file, save=False)
    batch.save()
    return batch


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


def describe_columns(batch, *, mapping, options):
    """Keep what the organizer says of a file; False once it was confirmed, when nothing of it may change."""
    waiting = Import.objects.filter(pk=batch.pk, state=Import.State.UPLOADED)
    return bool(waiting.update(mapping=mapping, options=options, touched_at=timezone.now()))


def cancel(batch):
    """Stop before the next chunk. What is in stays in, and the report says what that is."""
    waiting = Import.objects.filter(pk=batch.pk, state__in=[Import.State.UPLOADED, Import.State.RUNNING])
    if not waiting.update(state=Import.State.CANCELLED, finished_at=timezone.now()):
        return False
    forget_file(batch)
    return True


def forget_file(batch):
    """The file holds more about people than we were asked to keep: once it is in, it goes."""
    transaction.on_commit(lambda: batch.file.storage.delete(batch.file.name))


def discard_abandoned():
    """Throw away files that nobody confirmed: they hold people who were never brought in."""
    for batch in Import.objects.filter(state=Import.State.UPLOADED, touched_at__lt=timezone.now() - ABANDONED):
        cancel(batch)
