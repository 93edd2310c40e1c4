"""Who is in the coalition, and the project itself. Celery finds its application here (`celery --app coalition`)."""

from coalition.celery import app as celery_app

__all__ = ["celery_app"]
