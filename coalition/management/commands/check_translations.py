"""Fail unless every word of the interface stands in every language: none missing, none fuzzy, no placeholder lost."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from babel.messages.pofile import read_po
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{\{.*?\}\}|\{(\w+)\}|%[sd]")
SOURCES = ("manage.py", "coalition", "campaigns", "cms", "templates")


def place(folder, language):
    """The catalogue's file in a checkout."""
    return folder / "coalition" / "locale" / language / "LC_MESSAGES" / "django.po"


def catalogue(folder, language):
    """{(words, context): message} of a checkout."""
    with place(folder, language).open("rb") as file:
        return {(m.id, m.context): m for m in read_po(file, locale=language) if m.id}


def extracted(language):
    """The catalogue as the source asks for it today, or None where gettext's programs are missing."""
    if not shutil.which("xgettext"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        for name in SOURCES:
            source = settings.BASE_DIR / name
            if source.is_dir():
                shutil.copytree(source, Path(folder) / name, ignore=shutil.ignore_patterns("*.mo", "__pycache__"))
            else:
                shutil.copy(source, folder)
        # An address nobody connects to: extracting words needs no database.
        environment = os.environ | {"DEBUG": "1", "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
        words_in = ["--extension", "html,txt,py,mjml"]
        command = [sys.executable, "manage.py", "makemessages", "--locale", language, "--no-obsolete", *words_in]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandError(f"Words could not be extracted:\n{done.stderr[-2000:]}")
        return catalogue(Path(folder), language)


def problems(language):
    """(what is wrong with the catalogue, was it compared with the source)."""
    held = catalogue(settings.BASE_DIR, language)
    found = [f"fuzzy: {m.id!r}" for m in held.values() if m.fuzzy]
    for message in held.values():
        ids, strings = (x if isinstance(x, tuple | list) else (x,) for x in (message.id, message.string))
        if not all(strings):
            found.append(f"not translated: {message.id!r}")
            continue
        wanted = {m.group() for m in PLACEHOLDER.finditer(ids[-1])}
        if any({m.group() for m in PLACEHOLDER.finditer(s)} - wanted for s in strings):
            found.append(f"unknown placeholder: {message.id!r}")
        if wanted - {m.group() for m in PLACEHOLDER.finditer(strings[-1])}:
            found.append(f"placeholder lost: {message.id!r}")
    asked = extracted(language)
    if asked is not None:
        found += [f"not extracted yet (run make messages): {m.id!r}" for key, m in asked.items() if key not in held]
        found += [f"no longer used: {m.id!r}" for key, m in held.items() if key not in asked]
    return found, asked is not None


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def handle(self, **options):
        for language, _name in settings.LANGUAGES:
            if language == settings.LANGUAGE_CODE:
                continue
            found, compared = problems(language)
            if found:
                raise CommandError(f"{language}: {len(found)} to mend\n  " + "\n  ".join(found[:40]))
            with_source = "and the source" if compared else "only (gettext is missing: the source was not compared)"
            self.stdout.write(f"{language}: complete, checked the catalogue {with_source}")
