"""The demo's rooms: the doorway, the outbox and the phones. They open without a password, in demo mode only."""

from functools import wraps
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core import signing
from django.core.paginator import Paginator
from django.db.models import Exists, Max, OuterRef, Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, get_language_from_request, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from wagtail.users.models import UserProfile

from campaigns.forms.demo import OutboxForm, TextForm, WhoForm
from campaigns.models import InboundText, Keyword
from coalition import people, preferences, signing_on
from coalition.channels import simulated
from coalition.models import Address, Decision, Invitation, Organization, Person, SimulatedEmail, SimulatedText, User

STAFF = {
    "organizer": "organizer@riverbend.example.org",
    "editor": "editor@riverbend.example.org",
    "administrator": "administrator@riverbend.example.org",
}
ROLES = [
    (
        "organizer",
        gettext_lazy("Organizer"),
        gettext_lazy("Writes the alerts, invites partners to sign and answers people’s texts."),
    ),
    (
        "partner",
        gettext_lazy("Partner"),
        gettext_lazy("Speaks for an organization and decides whether it signs. A personal link is all it takes."),
    ),
    (
        "editor",
        gettext_lazy("Editor"),
        gettext_lazy("Writes the briefs in both languages and freezes the text that partners sign."),
    ),
    (
        "supporter",
        gettext_lazy("Supporter"),
        gettext_lazy("Gets the alerts on a phone, answers with one word and can leave with one, too."),
    ),
    (
        "administrator",
        gettext_lazy("Administrator"),
        gettext_lazy("Keeps the staff and the settings: fields, topics, regions, the audit and how long data stays."),
    ),
]
# Phones that nobody has yet: numbers kept for fiction (555-0100 to 555-0199) where the invented people do not live.
SPARE_PHONES = [f"+1{area}555{n:04d}" for area in (339, 351, 781, 413) for n in range(100, 198)]
TABS = [
    ("html", gettext_lazy("Email")),
    ("text", gettext_lazy("Text part")),
    ("headers", gettext_lazy("Headers")),
    ("raw", pgettext_lazy("email", "Source")),
]


def demo_only(view):
    """These doors do not exist outside the demo."""

    @wraps(view)
    def door(request, *args, **kwargs):
        if not settings.DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return never_cache(door)


# The doorway


@require_safe
@vary_on_headers("Accept-Language", "Cookie")
def front(request):
    """The bare address: the demo's doorway, or the home page in the reader's language."""
    if not settings.DEMO:
        return redirect(f"/{get_language_from_request(request)}/")
    return doorway(request)


@never_cache
@csrf_protect
def doorway(request):
    context = {
        "languages": [code for code, _name in settings.LANGUAGES],
        "roles": ROLES,
        "filled": User.objects.filter(email__in=STAFF.values()).exists(),
        "organizations": Organization.objects.present().count(),
        "people": Person.objects.present().count(),
    }
    return render(request, "demo/doorway.html", context)


@demo_only
@require_POST
def enter(request, role):
    """Come in as somebody, in the language of the address."""
    language = get_language()
    if role in STAFF:
        return _enter_as_staff(request, STAFF[role], language)
    there = {"partner": _invitation, "supporter": _supporter}.get(role)
    if there is None:
        raise Http404
    return redirect(url) if (url := there(language)) else _not_filled(request)


def _not_filled(request):
    messages.warning(request, _("The demo has not been filled yet. Stop it and type: make demo"))
    return redirect("doorway")


def _enter_as_staff(request, email, language):
    user = User.objects.filter(email=email).first()
    if user is None:
        return _not_filled(request)
    profile = UserProfile.get_for_user(user)
    profile.preferred_language = language
    profile.save(update_fields=["preferred_language"])
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    request.session["demo_door"] = True  # no second factor is asked behind it
    return redirect("wagtailadmin_home")


def _invitation(language):
    """The personal page of a partner who was asked and has not answered."""
    answered = Decision.objects.live().filter(
        organization=OuterRef("organization"), publication=OuterRef("round__publication")
    )
    waiting = Invitation.objects.filter(
        round__closed_at=None, round__deadline__gt=timezone.now(), revoked_at=None, representative__may_sign=True
    ).exclude(Exists(answered))
    waiting = waiting.order_by("pk").select_related("representative__person")
    invitation = waiting.filter(representative__person__language=language).first() or waiting.first()
    return urlsplit(signing_on.link(invitation, language)).path if invitation else None


def _supporter(language):
    """The phone of somebody who agreed to texts and got one."""
    got = SimulatedText.objects.filter(incoming=False, number=OuterRef("value"))
    phones = Address.objects.open().filter(
        channel=Address.Channel.PHONE, person__language=language, person__name__gt=""
    )
    address = phones.filter(Exists(got)).order_by("pk").first() or phones.order_by("pk").first()
    return reverse("demo:phone", args=[_token(address.value)]) if address else None


# The phones


def _token(number):
    return signing.Signer(salt="demo.phone").sign_object(number)


def _number(token):
    try:
        return signing.Signer(salt="demo.phone").unsign_object(token)
    except signing.BadSignature:
        raise Http404 from None


@demo_only
@require_safe
def phones(request):
    """Pick a person: those who texted or were texted last, or anybody by name."""
    form = WhoForm(request.GET)
    words = form.cleaned_data["q"] if form.is_valid() else ""
    if words:
        found = Address.objects.filter(
            channel=Address.Channel.PHONE, person__in=Person.objects.present().search(words).values("pk")
        )
        numbers = list(found.order_by("person__name", "pk").values_list("value", flat=True)[:30])
    else:
        newest = SimulatedText.objects.values("number").annotate(newest=Max("pk")).order_by("-newest")
        numbers = [row["number"] for row in newest[:20]]
    names = {
        a.value: a.person for a in Address.objects.filter(value__in=numbers).select_related("person").order_by("-pk")
    }
    last = {
        text.number: text
        for text in SimulatedText.objects.filter(number__in=numbers).order_by("number", "-pk").distinct("number")
    }
    rows = [
        {"number": number, "token": _token(number), "person": names.get(number), "last": last.get(number)}
        for number in dict.fromkeys(numbers)
    ]
    return render(
        request,
        "demo/phones.html",
        {"room": "phones", "form": form, "words": words, "rows": rows, "spare": _token(_spare())},
    )


def _spare():
    """The number of a phone that nobody has used yet."""
    used = set(Address.objects.filter(value__in=SPARE_PHONES).values_list("value", flat=True))
    used |= set(SimulatedText.objects.filter(number__in=SPARE_PHONES).values_list("number", flat=True))
    return next((n for n in SPARE_PHONES if n not in used), SPARE_PHONES[0])


@demo_only
def phone(request, token):
    """One phone: what it got and said; what is typed goes to the carrier and from there to the real webhook."""
    number = _number(token)
    form = TextForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not simulated.text_from(number, form.cleaned_data["words"]):
            messages.error(request, _("The text did not arrive. Is the server running at its own address?"))
        return redirect("demo:phone", token)
    holder = people.find(Address.Channel.PHONE, number).prefetch_related("addresses").first()
    context = _thread(token, number) | {"room": "phones", "form": form, "person": holder, "number": number}
    context |= {"keywords": Keyword.objects.filter(active=True).order_by("language", "word")}
    if holder and (address := holder.primary_email or holder.primary_phone):
        context["preferences"] = urlsplit(preferences.page_url(preferences.token_for(address.pk), holder.language)).path
    if holder and holder.primary_email:
        context["email"] = holder.primary_email.value
    return render(request, "demo/phone.html", context)


@demo_only
@require_safe
def phone_thread(request, token):
    """The thread for a page that is open: only when there is something new."""
    context = _thread(token, _number(token))
    if request.GET.get("last") == context["last"]:
        return HttpResponse(status=204)
    return render(request, "demo/parts/thread.html", context)


def _thread(token, number):
    texts = list(SimulatedText.objects.filter(number=number).order_by("at", "pk"))
    known = {text.sid for text in texts}
    # What came in without this phone, as while the demo was filled.
    came = InboundText.objects.filter(conversation__number=number).exclude(sid__in=known)
    texts += [SimulatedText(pk=0, sid=t.sid, number=number, incoming=True, body=t.body, at=t.at) for t in came]
    texts.sort(key=lambda text: text.at)
    languages = dict(Address.objects.filter(value=number).values_list("value", "person__language")[:1])
    return {
        "token": token,
        "texts": texts[-60:],
        "last": f"{len(texts)}-{max((t.pk for t in texts), default=0)}",
        "language": languages.get(number, get_language()),
    }


# The outbox


@demo_only
@require_safe
def outbox(request):
    form = OutboxForm(request.GET)
    kept = SimulatedEmail.objects.defer("raw").order_by("-pk")
    if form.is_valid():
        if words := form.cleaned_data["q"]:
            kept = kept.filter(Q(to__icontains=words) | Q(subject__icontains=words))
        if language := form.cleaned_data["language"]:
            kept = kept.filter(language=language)
    page = Paginator(kept, 30).get_page(request.GET.get("page"))
    return render(request, "demo/outbox.html", {"room": "outbox", "form": form, "page_obj": page})


@demo_only
@require_safe
def email(request, pk):
    """One email, as its reader sees it and as it travelled."""
    kept = get_object_or_404(SimulatedEmail, pk=pk)
    message = simulated.parse(kept)
    html, text = (_part(message, kind) for kind in ("html", "plain"))
    tab = request.GET.get("part", "")
    if tab not in dict(TABS) or (tab == "html" and not html):
        tab = "html" if html else "text"
    context = {
        "room": "outbox",
        "kept": kept,
        "sender": message["From"],
        "date": message["Date"],
        "tabs": [(name, label) for name, label in TABS if name != "html" or html],
        "tab": tab,
        "text": text,
        "headers": [(name, str(value)) for name, value in message.items()],
        "attachments": [part.get_filename() or part.get_content_type() for part in message.iter_attachments()],
        "one_click": simulated.one_click_address(message),
    }
    return render(request, "demo/email.html", context)


def _part(message, kind):
    part = message.get_body(preferencelist=(kind,))
    return part.get_content() if part else ""


@demo_only
@require_safe
def email_html(request, pk):
    """The HTML part, in a sandbox: no scripts, nothing loaded from elsewhere, links open beside it."""
    html = _part(simulated.parse(get_object_or_404(SimulatedEmail, pk=pk)), "html")
    if not html:
        raise Http404
    response = HttpResponse(html.replace("<head>", '<head><base target="_blank">', 1))
    response.headers["Content-Security-Policy"] = (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        "style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
    )
    return response


@demo_only
@require_safe
def email_attachment(request, pk, number):
    parts = list(simulated.parse(get_object_or_404(SimulatedEmail, pk=pk)).iter_attachments())
    if number >= len(parts):
        raise Http404
    part = parts[number]
    content = part.get_payload(decode=True)
    response = HttpResponse(content, content_type=part.get("Content-Type", "application/octet-stream"))
    name = (part.get_filename() or "attachment").replace('"', "")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@demo_only
@require_POST
def email_act(request, pk, act):
    """Do what the reader's mail program or the provider does, by HTTP, at the real doors."""
    kept = get_object_or_404(SimulatedEmail, pk=pk)
    acts = {
        "unsubscribe": (simulated.one_click, _("Unsubscribed with one click, as a mail program does.")),
        "bounce": (simulated.bounce, _("The provider has reported that the mailbox does not exist.")),
        "spam": (simulated.complain, _("The provider has reported that the reader marked it as spam.")),
    }
    if act not in acts:
        raise Http404
    do, said = acts[act]
    status = do(kept)
    if 200 <= status < 300:
        messages.success(request, said)
    else:
        messages.error(request, _("Our own door answered with %(status)s.") % {"status": status or "–"})
    return redirect("demo:email", pk)
