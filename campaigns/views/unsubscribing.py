"""Where mail programs knock on to unsubscribe. It asks for no cookie; a GET changes nothing, scanners follow links."""

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns import unsubscribing
from coalition import preferences


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def one_click(request, token):
    if request.method == "POST":
        closed = unsubscribing.one_click(token)
        return HttpResponse(status=200 if closed else 404, content_type="text/plain")
    address = preferences.address_of(token)
    language = address.person.language if address else settings.LANGUAGE_CODE
    return HttpResponseRedirect(preferences.page_url(token, language))
