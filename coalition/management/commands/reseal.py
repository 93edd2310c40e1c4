"""Seal sensitive details anew under the first of FIELD_KEYS, so that the keys behind it can be taken away."""

from django.core.management.base import BaseCommand

from coalition import belonging


class Command(BaseCommand):
    help = "After a new key was put in front of FIELD_KEYS: seals every sensitive detail under it. Safe to run again."

    def add_arguments(self, parser):
        parser.add_argument("--chunk", type=int, default=500, help="rows in one transaction")

    def handle(self, *args, chunk, **options):
        done = 0
        for reseal in (belonging.reseal, belonging.reseal_merges):
            after = 0
            while after is not None:
                after, number = reseal(after=after, size=chunk)
                done += number
        self.stdout.write(f"{done} sealed under the first key. The keys behind it in FIELD_KEYS can go now.")
