"""The public door to "Get updates", and the button that confirms an email address."""

from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import subscribing
from campaigns.forms.subscribing import SubscribeForm
from coalition.tasks import send_notices


@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request):
    form = SubscribeForm(request.POST or None)
    if form.is_valid():
        subscribing.join(language=get_language(), **form.cleaned_data)
        send_notices.delay_on_commit()
        ways = [way for way in ("email", "text") if form.cleaned_data.get(f"by_{way}")]
        return HttpResponseRedirect(f"{reverse('campaigns:subscribed')}?{'&'.join(ways)}")
    return render(request, "campaigns/subscribing/form.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
def subscribed(request):
    ways = {"by_email": "email" in request.GET, "by_text": "text" in request.GET}
    return render(request, "campaigns/subscribing/done.html", ways)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_subscription(request, token):
    """GET only shows the button: mail scanners follow links, and a scanner is nobody's yes."""
    try:
        line = subscribing.asked(token)
    except subscribing.LinkError:
        response = render(request, "campaigns/subscribing/stale.html", status=404)
    else:
        confirmed = request.method == "POST" and subscribing.confirm(line)
        already = line.address.is_open
        response = render(
            request,
            "campaigns/subscribing/confirm.html",
            {"line": line, "confirmed": confirmed, "already": already and not confirmed},
        )
    response["Referrer-Policy"] = "same-origin"
    return response
