"""The public door to what was sent to many: a list, and a page for each message."""

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import get_language, override
from django.views.decorators.http import require_safe

from campaigns import archiving, rendering

A_PAGE = 20


@require_safe
def alerts(request):
    page = Paginator(archiving.kept(), A_PAGE).get_page(request.GET.get("page"))
    language = get_language()
    entries = []
    for message in page:
        contents = archiving.contents_of(message)
        # What was not written in the reader's language is listed in its own, and says so.
        content = contents.get(language) or next(iter(contents.values()), None)
        if content:
            url = archiving.path_of(message.pk, content.language)
            said = rendering.subject_for_anybody(content)
            entries.append({"message": message, "language": content.language, "url": url, "subject": said})
    published = {code: _list_in(code) for code, _name in settings.LANGUAGES}
    context = {"entries": entries, "page_obj": page, "published": published}
    return render(request, "campaigns/archive/index.html", context)


def _list_in(language):
    with override(language):
        return reverse("campaigns:alerts")


@require_safe
def alert(request, pk):
    message = get_object_or_404(archiving.kept(whole=True), pk=pk)
    contents, language = archiving.contents_of(message), get_language()
    if language not in contents:
        raise Http404
    said = rendering.for_anybody(contents[language])
    context = {"message": message, "published": archiving.paths(message), **said}
    return render(request, "campaigns/archive/page.html", context)
