"""/healthz: alive and ready, for load balancers and the demo's supervisor. It names parts, never people."""

from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from coalition.celery import app
from coalition.models import Heartbeat

LATE = timedelta(seconds=90)


@require_safe
@never_cache
def healthz(request):
    """200 when the database and the queue answer; when beat last showed life is reported beside them."""
    state = {"database": "ok", "queue": "ok", "beat": "none"}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        beat = Heartbeat.objects.filter(name="beat").first()
        if beat:
            state["beat"] = "ok" if timezone.now() - beat.at < LATE else "late"
    except DatabaseError:
        state["database"] = "down"
    try:
        with app.connection_for_write() as queue:
            queue.ensure_connection(max_retries=1, timeout=1)
    except (OperationalError, OSError):
        state["queue"] = "down"
    ready = state["database"] == state["queue"] == "ok"
    return JsonResponse({"ready": ready, **state, "demo": settings.DEMO}, status=200 if ready else 503)
