"""Fill an invented coalition and serve it at one address, with worker and beat. Nothing leaves this machine."""

import os
import subprocess
import sys

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from cms.demo import filling
from coalition import embedded, supervisor


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--port", default=os.environ.get("PORT", "8000"))
        parser.add_argument("--fill-only", action="store_true", help="Fill the coalition and stop.")

    def handle(self, *, port, fill_only, **options):
        if not settings.DEMO:
            raise CommandError("This opens doors without a password. Set DEBUG=1 and DEMO=1, or type: make demo")
        if not fill_only:
            try:
                supervisor.check_port(port)
            except supervisor.PortError as error:
                raise CommandError(str(error)) from None
        if fill_only:
            self.stdout.write("Preparing the coalition …")
            call_command("migrate", verbosity=0, interactive=False)
            filling.fill(self.stdout.write)
            return
        # In a process of its own, which gives back the memory that filling takes.
        filled = subprocess.run([sys.executable, sys.argv[0], "demo", "--fill-only"], check=False)
        if filled.returncode:
            raise CommandError("The coalition could not be prepared: what went wrong stands above.")
        address = f"http://127.0.0.1:{port}/"
        supervisor.run(
            supervisor.processes(port, settings.VAR / "celerybeat-schedule"),
            address=address,
        )
        if "DATABASE_URL" not in os.environ:
            embedded.stop(only_if_unused=True, wait=False)
