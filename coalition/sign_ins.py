"""Where staff are signed in, on which device, since when; ending it; and who was locked out after too many failures.

An ended session is gone from the database, so the next request of that device stands before the door again.
"""

from datetime import timedelta
from importlib import import_module

from axes.models import AccessAttempt
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.crypto import salted_hmac

from coalition import audit
from coalition.models import SignIn, User

IN_SESSION = "sign_in"
SEEN_EVERY = 60  # seconds
KEPT = timedelta(days=90)  # how long an ended one is remembered


def _sessions():
    return import_module(settings.SESSION_ENGINE).SessionStore


@transaction.atomic
def begin(user, session, *, agent="", origin=""):
    """Note a session that has just begun. `session` is the request's own."""
    if not session.session_key:  # somebody else was signed in here: their session was thrown away
        session.save()
    if not session.session_key:  # somebody else was signed in here: their session was emptied, and has no key yet
        session.create()
    held, _made = SignIn.objects.update_or_create(
        session_key=session.session_key,
        defaults={
            "user": user,
            "agent": agent[:200],
            "origin": origin[:64],
            "seen_at": timezone.now(),
            "ended_at": None,
        },
    )
    session[IN_SESSION] = held.pk
    audit.record(audit.Action.SIGN_IN, user, details={"did": "signed in"}, by=user, origin=origin)
    return held


def seen(session, origin=""):
    """A request came: at most once a minute it is noted."""
    pk = session.get(IN_SESSION)
    if pk and cache.add(f"seen-{pk}", 1, SEEN_EVERY):
        SignIn.objects.filter(pk=pk, ended_at=None).update(seen_at=timezone.now(), origin=origin[:64])


def moved(session, key):
    """The session got another key, as after a change of password: it is the same sign-in."""
    if pk := session.get(IN_SESSION):
        SignIn.objects.filter(pk=pk, session_key=key).update(session_key=session.session_key, ended_at=None)


def standing(user):
    """The sessions in which a user is signed in, last used first."""
    oldest = timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return user.sign_ins.filter(ended_at=None, seen_at__gt=oldest)


@transaction.atomic
def end(sign_in, *, by=None):
    """End one session. False when it was ended before."""
    if not SignIn.objects.filter(pk=sign_in.pk, ended_at=None).update(ended_at=timezone.now()):
        return False
    _sessions()(sign_in.session_key).delete()
    audit.record(audit.Action.SIGN_IN, sign_in.user, details={"did": "session ended"}, by=by)
    return True


@transaction.atomic
def end_all(user, *, but=None, by=None):
    """End every session of a user, or all but the one with this key. Returns how many."""
    found = list(user.sign_ins.filter(ended_at=None).exclude(session_key=but or ""))
    for sign_in in found:
        _sessions()(sign_in.session_key).delete()
    SignIn.objects.filter(pk__in=[sign_in.pk for sign_in in found]).update(ended_at=timezone.now())
    if found:
        audit.record(audit.Action.SIGN_IN, user, details={"did": "sessions ended", "number": len(found)}, by=by)
    return len(found)


def signed_out(session_key):
    SignIn.objects.filter(session_key=session_key or "", ended_at=None).update(ended_at=timezone.now())


def forget_old():
    """Drop what ended long ago. Returns how many."""
    ended = SignIn.objects.filter(ended_at__lt=timezone.now() - KEPT)
    lapsed = SignIn.objects.filter(ended_at=None, seen_at__lt=timezone.now() - KEPT)
    return ended.delete()[0] + lapsed.delete()[0]


# Locked out


def name_digest(request, credentials=None):
    """What a name typed at the door is counted under: a keyed hash, however it was written. django-axes calls it."""
    return _digest((credentials or {}).get("username") or request.POST.get("username") or "")


def _digest(typed):
    return salted_hmac("coalition.sign_ins", typed.strip().casefold(), algorithm="sha256").hexdigest()[:32]


def locked(users):
    """Those of some users (their primary keys) at whose door somebody tried too often, from one address or another."""
    digests = {_digest(user.get_username()): user.pk for user in users}
    recent = AccessAttempt.objects.filter(
        username__in=digests, attempt_time__gt=timezone.now() - settings.AXES_COOLOFF_TIME
    )
    counts = recent.values("username", "ip_address").annotate(number=Sum("failures_since_start")).order_by()
    return {digests[row["username"]] for row in counts if row["number"] >= settings.AXES_FAILURE_LIMIT}


@transaction.atomic
def unlock(user, *, by=None):
    """Let a user try again at once. False when nobody had failed."""
    if not AccessAttempt.objects.filter(username=_digest(user.get_username())).delete()[0]:
        return False
    audit.record(audit.Action.LOCK_OUT, user, details={"did": "unlocked"}, by=by)
    return True


def is_news(digest, origin):
    """Whether a lock-out was not told yet: further tries while the door is closed are no news."""
    return cache.add(f"locked-{digest}-{origin}", 1, settings.AXES_COOLOFF_TIME.total_seconds())


def note_lock_out(digest, origin):
    """The door closed for a name from an address. The line names the user where there is one."""
    user = next((user for user in User.objects.all() if _digest(user.get_username()) == digest), None)
    audit.record(audit.Action.LOCK_OUT, user or User, details={"did": "locked out"}, origin=origin)
