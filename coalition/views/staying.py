"""The public door with which somebody says that they would like to stay."""

from django.conf import settings
from django.shortcuts import redirect, render
from django.urls import translate_url
from django.views.decorators.cache import never_cache

from coalition import retention


@never_cache
def stay(request, token):
    """GET only asks: mail scanners follow links, and a scanner is nobody's sign of life."""
    person = retention.asked_by(token)
    if person is None:
        return redirect("preferences_link")
    if request.method == "POST":
        retention.stay(person)
    alternates = {code: translate_url(request.path, code) for code, _name in settings.LANGUAGES}
    values = {"stays": request.method == "POST", "alternates": alternates}
    response = render(request, "coalition/preferences/stay.html", values)
    response.headers["Referrer-Policy"] = "same-origin"
    return response
