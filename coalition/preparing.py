"""Prepare an import: keep the file, find out how it is written, say what its columns hold. Nobody is written yet.

How a file is written and what its columns hold are suggestions: the organizer sees them beside the first rows, corrects
them, and may have them remembered for the next file with the same columns.
"""

import tempfile
from contextlib import contextmanager
from functools import partial

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import layouts, reading_files
from coalition.models import Import, SavedMapping, fold

MATCH = ["external_id", "email", "phone", "name_zip"]
# What a saved mapping keeps of the choices. Never consent: nothing that means consent is chosen beforehand (rule S1).
REMEMBERED = ("language", "existing", "match", "tags", "organization", "everybody")


def upload(file, name, *, by=None):
    """Keep a file that can be read, with a suggestion for its columns. Raises Unreadable, and keeps nothing then."""
    batch = Import(name=_short(name), created_by=by, options=_usual())
    with _as_text(file) as (text, page, pages):
        _settle(batch, reading_files.inspect(text, knows=layouts.known), page)
        batch.options["file"]["pages"] = pages
        text.seek(0)
        batch.file.save("people.csv", File(text), save=False)
        if pages:
            file.seek(0)
            batch.options["file"]["original"] = batch.file.storage.save(f"{batch.file.name}.xlsx", File(file))
    with transaction.atomic():
        batch.save()
        if saved := recall(columns_of(batch.mapping)):
            apply(batch, saved)
    return batch


def reread(batch, *, encoding="", delimiter="", first_row=None, page=""):
    """Read the file again as the organizer says it is written; what is not said is found out. Raises Unreadable.

    False once the import was confirmed.
    """
    other = bool(page) and page != batch.sheet
    said = {"encoding": encoding, "delimiter": delimiter, "first_row": first_row}
    with _page(batch, page) if other else batch.file.open("rb") as file:
        sheet = reading_files.inspect(file, knows=layouts.known, **said)
        with transaction.atomic():
            if not Import.objects.select_for_update().filter(pk=batch.pk, state=Import.State.UPLOADED).exists():
                return False
            _settle(batch, sheet, page or batch.sheet)
            if other:
                transaction.on_commit(partial(batch.file.storage.delete, batch.file.name))
                file.seek(0)
                batch.file.save("people.csv", File(file), save=False)
            batch.save()
    return True


def describe_columns(batch, *, mapping, options):
    """Keep what the organizer says of a file; False once it was confirmed, when nothing of it may change."""
    waiting = Import.objects.filter(pk=batch.pk, state=Import.State.UPLOADED)
    return bool(waiting.update(mapping=mapping, options=options, touched_at=timezone.now()))


def originals(batch):
    """The names under which an import's files are stored."""
    return [name for name in (batch.file.name, batch.options.get("file", {}).get("original")) if name]


def _usual():
    return {"language": settings.LANGUAGE_CODE, "existing": "fill", "match": MATCH, "file": {}}


def _short(name):
    """A file's name, short enough to keep: its end tells more than its beginning, and no path belongs in it."""
    name = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable()).strip()
    return name if len(name) <= 150 else f"{name[:70]}…{name[-79:]}"


@contextmanager
def _as_text(file):
    """(file as text, name of the sheet, its sheets): of a workbook the first sheet, written out; or the file as is."""
    if not reading_files.is_workbook(file):
        yield file, "", []
        return
    with tempfile.TemporaryFile() as written:
        pages = reading_files.workbooks.pages(file)
        page = reading_files.workbooks.write_out(file, written)
        yield written, page.name, [[page.name, page.hidden] for page in pages]


@contextmanager
def _page(batch, name):
    """The text of one sheet of an import's workbook."""
    with tempfile.TemporaryFile() as written, batch.file.storage.open(batch.options["file"]["original"]) as original:
        reading_files.workbooks.write_out(original, written, page=name)
        yield written


def _settle(batch, sheet, page):
    """What was found out about a file, and what its columns probably hold."""
    batch.layout = layouts.layout_of(sheet.header)
    batch.encoding, batch.delimiter, batch.sheet = sheet.encoding, sheet.delimiter, page
    batch.first_row, batch.rows = sheet.first_row, sheet.rows
    batch.mapping = layouts.suggest(sheet.header, sheet.samples)
    found = {"below": sheet.below, "above": len(sheet.above), "doubled": sheet.doubled, "unnamed": sheet.unnamed}
    batch.options = batch.options | {
        "everybody": layouts.everybody_of(sheet.header),
        "about": layouts.about(batch.layout, sheet.above),
        "file": batch.options.get("file", {}) | found,
        "saved": "",
    }


# Columns that were described before


def columns_of(mapping):
    """What tells one kind of file from another: the names of its columns, in no order."""
    return sorted(fold(name) for name in mapping)


def recall(columns):
    """The latest saved mapping of a file with the same columns, or None."""
    return SavedMapping.objects.filter(columns=columns).order_by("-created_at", "-pk").first()


def apply(batch, saved):
    """Describe a file as another one was described before. Columns that it did not have keep what is suggested."""
    offered = layouts.fields()
    known = {name: key for name, key in saved.mapping.items() if not key or key in offered}
    batch.mapping = {name: known.get(fold(name), key) for name, key in batch.mapping.items()}
    kept = {key: saved.options[key] for key in REMEMBERED if key in saved.options}
    batch.options = batch.options | kept | {"saved": saved.name}
    return describe_columns(batch, mapping=batch.mapping, options=batch.options)


@transaction.atomic
def remember(batch, name, *, by=None):
    """Keep what was said of a file's columns under a name; the same name is replaced. Raises ValidationError."""
    name = " ".join(name.split())[:120]
    if not name:
        raise ValidationError(_("Enter a name for these columns."))
    saved, _made = SavedMapping.objects.update_or_create(
        name=name,
        defaults={
            "columns": columns_of(batch.mapping),
            "mapping": {fold(column): key for column, key in batch.mapping.items()},
            "options": {key: batch.options[key] for key in REMEMBERED if key in batch.options},
            "created_by": by,
        },
    )
    return saved


@transaction.atomic
def rename(saved, name):
    """Give saved columns another name. Raises ValidationError where it is taken."""
    name = " ".join(name.split())[:120]
    if not name:
        raise ValidationError(_("Enter a name for these columns."))
    if SavedMapping.objects.filter(name=name).exclude(pk=saved.pk).exists():
        raise ValidationError(_("Other columns have this name already."))
    SavedMapping.objects.filter(pk=saved.pk).update(name=name)


def forget(saved):
    """Throw saved columns away; imports that used them stay as they are."""
    saved.delete()
