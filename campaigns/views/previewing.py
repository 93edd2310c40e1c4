"""A message as one person would get it: where it is checked, in a frame, as a test; and what a text costs."""

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from wagtail.admin import messages

from campaigns import audience, composing, rendering
from campaigns.forms.messages import PreviewForm
from campaigns.models import MessageContent
from campaigns.views.messages import MessagePage, Press
from coalition.models import Person
from coalition.tasks import send_notices
from coalition.views import searching

TWIN_FIELDS = ("name", "given_name", "family_name", "language", "city", "state", "zip", "custom")


class Shown:
    """The message as one person would get it: a person of the audience, or a sample of each language.

    Whoever may not see people gets an invented reader.
    """

    def __init__(self, message, request):
        self.message = message
        self.sees_people = audience.may_list(request.user, message)
        form = PreviewForm(searching.asked(request.GET))
        form.is_valid()
        self.q = form.cleaned_data.get("q", "") if self.sees_people else ""
        self.audience = audience.people_of(message)
        self.variant = form.cleaned_data.get("variant") or MessageContent.FIRST
        wanted = form.cleaned_data.get("language")
        self.chosen = None
        if self.sees_people and (pk := form.cleaned_data.get("person")):
            self.chosen = get_object_or_404(self.audience, pk=pk)
        self.language = wanted or (self.chosen.language if self.chosen else request.LANGUAGE_CODE)
        self.person = self.chosen or self.sample()

    def sample(self):
        if self.sees_people and (found := self.audience.filter(language=self.language).order_by("pk").first()):
            return found
        return Person(name="Ana Ejemplo", given_name="Ana", family_name="Ejemplo", language=self.language)

    @cached_property
    def found(self):
        return list(self.audience.search(self.q).order_by("search")[:8]) if self.q else []

    def query_of(self, **changes):
        """What leads to what is shown, but for `changes`."""
        shown = {"language": self.language}
        if self.chosen:
            shown["person"] = self.chosen.pk
        if self.variant != MessageContent.FIRST:
            shown["variant"] = self.variant
        return urlencode(shown | changes)

    @property
    def query(self):
        return self.query_of()

    @cached_property
    def content(self):
        found = self.message.contents.filter(language=self.language, variant=self.variant).first()
        return found if found and found.is_written else None

    @cached_property
    def rendered(self):
        return rendering.render(self.content, self.person) if self.content else None

    @cached_property
    def to(self):
        address = self.person.primary(self.message.channel) if self.person.pk else None
        return address.value if address else "name@example.org"

    @cached_property
    def languages(self):
        """[(query, label, is it the one shown)] for the links to each: the same person, or a sample."""
        return [
            (self.query_of(language=language), label, language == self.language)
            for language, label in settings.LANGUAGES
        ]

    @cached_property
    def variants(self):
        """[(query, letter, is it the one shown)]."""
        return [
            (self.query_of(variant=letter), letter, letter == self.variant)
            for letter in composing.variants_of(self.message)
        ]


# How a preview answers the email's question for the dark, whatever this machine prefers.
SHADES = {"light": "not all", "dark": "all"}


class Preview(MessagePage):
    """The email alone, for the frame of the check page: nothing in it may run, load or leave."""

    def get(self, request, *args, **kwargs):
        shown = Shown(self.message, request)
        html = shown.rendered.html if shown.rendered else ""
        if (shade := request.GET.get("shade")) in SHADES:
            html = html.replace("(prefers-color-scheme: dark)", SHADES[shade])
        response = HttpResponse(html)
        response["Content-Security-Policy"] = (
            "default-src 'none'; img-src 'self' https: data:; style-src 'unsafe-inline'; sandbox"
        )
        return response


class TryOut(Press):
    """A test of what is shown, to the mailbox of whoever asks."""

    def post(self, request, *args, **kwargs):
        if not (self.may_write or self.may("send")):
            raise PermissionDenied
        shown = Shown(self.message, request)
        if not shown.rendered:
            messages.error(request, _("There is no text in this language yet."))
        else:
            # An invented twin: a test must not carry the links that open somebody's own page.
            twin = Person(**{field: getattr(shown.person, field) for field in TWIN_FIELDS})
            rendered = rendering.render(shown.content, twin)
            composing.try_out(self.message, rendered, language=shown.language, by=request.user)
            send_notices.delay_on_commit()
            messages.success(request, _("A test is on its way to %(email)s.") % {"email": request.user.email})
        return redirect(f"{self.url('check')}?{shown.query}")


class Segments(Press):
    """The line under a text, counted again while somebody types."""

    on = "edit"

    def post(self, request, pk, language):
        if language not in dict(settings.LANGUAGES):
            raise Http404
        cost = composing.cost_of(self.message, language, request.POST.get(f"{language}-body", ""))
        return render(request, "campaigns/messages/parts/meter.html", {"meter": cost, "language": language})
