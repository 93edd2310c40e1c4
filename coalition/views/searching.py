"""What somebody types to find a person comes by POST, and stands encrypted in the address that shows what was found:
so pages, filters, files and the way back work as ever, and no name is left in a history or in an access log.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.http import Http404, QueryDict
from django.shortcuts import redirect
from django.utils.functional import cached_property
from wagtail.admin.forms.search import SearchForm

from coalition import saved_views

PARAMETER = "find"
LONGEST = 250  # characters: nobody is called more than that, and an address has its limit


def hidden(words):
    """Words for an address, readable by us alone; empty for none. Of somebody's whole clipboard, the beginning."""
    return _box().encrypt(words[:LONGEST].encode()).decode() if words else ""


def shown(token):
    """The words that were hidden. Raises Http404 for what is none of ours: to find everybody instead would be worse."""
    try:
        return _box().decrypt(token.encode()).decode() if token else ""
    except InvalidToken:
        raise Http404 from None


def asked(query, typed="q"):
    """A copy of what an address asks for, in which the words that it hides stand as `typed`."""
    query = query.copy()
    if tokens := query.pop(PARAMETER, []):
        query[typed] = shown(tokens[-1])
    return query


def unseen(query, typed="q"):
    """A query (a string or a QueryDict) as a string for an address, in which what stood as `typed` is hidden."""
    query = QueryDict(query, mutable=True) if isinstance(query, str) else query.copy()
    if words := query.pop(typed, [""])[-1]:
        query[PARAMETER] = hidden(words)
    return query.urlencode()


def _box():
    """A key of its own: nothing else that is encrypted here can be read by putting it into an address."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    made = [hashlib.sha256(f"coalition.searching:{key}".encode()).digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in made])


class FindsPeople:
    """A screen that finds people by words. An address that has them in the open leads to the one that hides them."""

    typed = "q"  # the name of the field in which they are typed

    def dispatch(self, request, *args, **kwargs):
        if request.method in ("GET", "HEAD") and self.typed in request.GET:
            query = unseen(request.GET, self.typed)
            return redirect(f"{request.path}?{query}" if query else request.path)
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def asked(self):
        return asked(self.request.GET, self.typed)

    @property
    def words(self):
        return self.asked.get(self.typed, "").strip()


class PeopleSearch(FindsPeople):
    """A list of Wagtail's whose search box finds people: it posts its words, its filters and its order, and comes back.

    The results say in `backoffice/parts/searched.html` which address shows them; searched.js puts it into the bar.
    """

    is_searchable = True
    template_name = "backoffice/searched.html"
    results_template_name = "backoffice/searched_results.html"

    def get_search_form(self):
        return SearchForm({"q": self.words}) if self.words else SearchForm()

    def post(self, request, *args, **kwargs):
        query = saved_views.question(unseen(request.POST))
        return redirect(f"{request.path}?{query or 'view=all'}")

    def address(self, *left_out):
        """The address of what is shown, without the parameters that are named."""
        kept = saved_views.question(self.request.GET.urlencode())
        query = QueryDict(kept, mutable=True)
        for name in left_out:
            query.pop(name, None)
        return f"{self.index_url}?{query.urlencode() or 'view=all'}"

    def get_context_data(self, *args, **kwargs):
        page = self.request.GET.get(self.page_kwarg, "")
        here = self.address() + (f"&p={page}" if page.isdecimal() else "")
        return super().get_context_data(*args, **kwargs) | {"here": here, "unsearched": self.address(PARAMETER)}
