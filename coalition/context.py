"""What every page may say of the installation."""

from django.conf import settings

from coalition.models import Installation


def installation(request):
    return {"installation": Installation.get(), "demo": settings.DEMO}
