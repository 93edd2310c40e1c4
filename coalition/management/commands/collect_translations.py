"""Collect the words of the interface for translation: new ones come in empty, those no longer used go.

Sorted and without line numbers, so that a change of the code shows as the words it changed.
"""

import io

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from coalition.management.commands.check_translations import catalogue, extracted, place

WIDTH = 110


def body(messages):
    """The messages as a file of gettext's without its heading, in the order of their words."""
    built = Catalog()
    for message in sorted(messages, key=lambda m: (m.id if isinstance(m.id, str) else m.id[0], m.context or "")):
        built[message.id] = message
        message.locations, message.previous_id = [], []
    written = io.BytesIO()
    write_po(written, built, width=WIDTH, omit_header=True, no_location=True)
    return written.getvalue().decode()


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def handle(self, **options):
        for language, _name in settings.LANGUAGES:
            if language == settings.LANGUAGE_CODE:
                continue
            asked = extracted(language)
            if asked is None:
                raise CommandError("This needs gettext's programs. On Debian and Ubuntu: apt install gettext")
            held = catalogue(settings.BASE_DIR, language)
            new = [message for key, message in asked.items() if key not in held]
            for message in new:
                message.string, message.flags = (
                    ("" if isinstance(message.id, str) else ("", "")),
                    message.flags - {"fuzzy"},
                )
            kept = [message for key, message in held.items() if key in asked]
            file = place(settings.BASE_DIR, language)
            heading, _blank, _rest = file.read_text().partition("\n\n")
            file.write_text(f"{heading}\n\n{body(kept + new)}")
            self.stdout.write(f"{language}: {len(new)} to translate, {len(held) - len(kept)} no longer used")
            for message in new:
                self.stdout.write(f"  {message.id!r}")
