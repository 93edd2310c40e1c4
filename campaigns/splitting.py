"""Test one wording against another: some get variants, the one that moved most people to act goes to the rest.

Decided within each language by confirmed acts, never by opens or clicks (rule E6). Who waits has no variant yet.
"""

from datetime import timedelta
from statistics import NormalDist

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Max, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns import composing, judging, results
from campaigns.models import Delivery, Message, MessageContent, SplitTest

State = Delivery.State
TOO_FEW = 5  # acts in a language below which nothing is read out of them
CLEAR = 0.05  # a difference that chance brings about less often is called clear
NOTHING = {"got": 0, "acted": 0, "stopped": 0}
ALONE = {"second": None, "p": None, "why": "few"}  # what is said of a wording without another beside it
LOOK_AGAIN = timedelta(minutes=2)
# Where its hours run: a message that nobody waits for is sent long before they are over.
RUNS = (Message.State.SENDING, Message.State.SENT)


# Before sending


@transaction.atomic
def set_up(message, *, share, hours):
    """Test the variants of a draft. Raises ValidationError where nothing can be tested."""
    row = Message.objects.select_for_update().get(pk=message.pk)
    if row.state != Message.State.DRAFT:
        raise ValidationError(_("Sending has begun: the test cannot be changed any more."))
    if hasattr(row, "step"):
        raise ValidationError(_("A message of a series reaches people one by one: it cannot hold a test."))
    if not tested(row):
        raise ValidationError(_("Write a second variant first: a test compares at least two."))
    test, _new = SplitTest.objects.update_or_create(message=row, defaults={"share": share, "hours": hours})
    return test


@transaction.atomic
def remove_variant(message, variant, *, by=None):
    """Drop a wording of a draft; a test that is left with nothing to compare goes with it.

    Raises what `composing.remove_variant` raises.
    """
    composing.remove_variant(message, variant, by=by)
    if not tested(message):
        drop(message)


def drop(message):
    """Everybody gets the first variant. False when there was no test, or sending has begun."""
    return bool(SplitTest.objects.filter(message=message, message__state=Message.State.DRAFT).delete()[0])


def variants_of(message):
    """{language: [variants]}, in order."""
    found = {}
    contents = MessageContent.objects.filter(message=message)
    for language, variant in contents.order_by("language", "variant").values_list("language", "variant"):
        found.setdefault(language, []).append(variant)
    return found


def tested(message):
    """{language: [variants]} of the languages that have more than one."""
    return {language: found for language, found in variants_of(message).items() if len(found) > 1}


def drawn(message):
    """(sql, params): the variant of a row of the audience, from its columns `id`, `language` and `reason`.

    Within each language people are put in an order that depends on nothing but their key and the message; the first
    `share` percent of those who get it take the variants in turn. Empty for those who wait until it is decided.
    """
    test = SplitTest.objects.filter(message=message, decided_at=None).first()
    if test is None:
        return f"'{MessageContent.FIRST}'", []
    seed = int(message.pk)
    same = 'PARTITION BY language COLLATE "C", reason COLLATE "C"'
    lot = f"row_number() OVER ({same} ORDER BY hashint8extended(id, {seed}), id) - 1"
    everyone = f"count(*) OVER ({same})"
    ways, params = ["WHEN reason <> '' THEN %s"], [MessageContent.FIRST]
    for language, variants in leaving(message).items():
        if len(variants) == 1:
            ways.append("WHEN language = %s THEN %s")
            params += [language, variants[0]]
        else:
            ways.append(
                f"""WHEN language = %s THEN
                    CASE WHEN ({lot}) * 100 < %s::bigint * {everyone}
                    THEN (%s::text[])[mod({lot}, {len(variants)}) + 1] ELSE '' END"""
            )
            params += [language, test.share, variants]
    return f"CASE {' '.join(ways)} ELSE '{MessageContent.FIRST}' END", params


def leaving(message):
    """{language: [variants]} of those that can leave: with a waiver, a message may hold some that cannot (rule L2).

    Without a test everybody gets the first, so the others do not count.
    """
    found = {}
    for content in message.contents.select_related("message__split_test").order_by("language", "variant"):
        sent = content.variant == MessageContent.FIRST or hasattr(content.message, "split_test")
        if sent and not judging.problems(content):
            found.setdefault(content.language, []).append(content.variant)
    return found


# While it runs


def figures(message):
    """{language: {variant: {"got", "acted", "stopped"}}} of those who took part in a test. Three queries."""
    found = {}

    def count(rows, name):
        for row in rows.exclude(variant="").values("language", "variant").annotate(n=Count("pk")).order_by():
            mine = found.setdefault(row["language"], {}).setdefault(row["variant"], dict(NOTHING))
            mine[name] = row["n"]

    count(message.deliveries.filter(state__in=results.LEFT_HERE), "got")
    count(results.acted(message), "acted")
    count(results.stopped(message), "stopped")
    return found


def outcome(message, counted=None):
    """{language: {"winner", "why", "p", "second", "decided", "variants": {variant: {"got", "acted", "stopped"}}}}.

    Of a test: as it was decided, else as it stands now, when the winner is who is ahead. Empty without a test.
    `counted`: an outcome of a while ago, taken for what is open instead of looking into the ledger.
    """
    test = SplitTest.objects.filter(message=message).first()
    if test is None:
        return {}
    languages, known = tested(message), counted or {}
    counts = {} if {*test.figures, *known} >= languages.keys() else figures(message)
    found = {}
    for language, variants in languages.items():
        if language in test.figures:
            found[language] = test.figures[language] | {"decided": True}
        elif language in known:
            found[language] = known[language]
        else:
            mine = counts.get(language, {})
            kept = {variant: mine.get(variant, dict(NOTHING)) for variant in variants}
            found[language] = judge(mine, variants) | {"decided": False, "variants": kept}
    return found


def waiting(message):
    """How many wait for the decision of a test; 0, without looking at the ledger, where none is open."""
    if not SplitTest.objects.filter(message=message, decided_at=None).exists():
        return 0
    return message.deliveries.filter(variant="", state=State.QUEUED).count()


def judge(counts, variants):
    """What the figures of one language say: {"winner", "why", "p", "second"}.

    `why`: "few" (too few acted to read anything out of it), "tie", "clear", or "chance" (ahead, but a difference as
    large comes about by chance too often). `p`: how often (two-sided two-proportion z-test), between the best and the
    second. Few and ties leave it with the first variant.
    """
    shares = {v: counts[v]["acted"] / counts[v]["got"] if counts.get(v, {}).get("got") else 0.0 for v in variants}
    order = sorted(variants, key=lambda v: (-shares[v], v))
    best, second = order[0], order[1]
    said = {"winner": variants[0], "second": None, "p": None}
    if sum(counts.get(v, {}).get("acted", 0) for v in variants) < TOO_FEW:
        return said | {"why": "few"}
    if shares[best] == shares[second]:
        return said | {"why": "tie"}
    p = _by_chance(counts[best], counts.get(second, {"got": 0, "acted": 0}))
    return {"winner": best, "second": second, "p": p, "why": "clear" if p < CLEAR else "chance"}


def _by_chance(one, other):
    if not one["got"] or not other["got"]:
        return 1.0
    pooled = (one["acted"] + other["acted"]) / (one["got"] + other["got"])
    spread = (pooled * (1 - pooled) * (1 / one["got"] + 1 / other["got"])) ** 0.5
    if not spread:
        return 1.0
    z = abs(one["acted"] / one["got"] - other["acted"] / other["got"]) / spread
    return round(2 * (1 - NormalDist().cdf(z)), 4)


# Deciding


@transaction.atomic
def decide(message, *, winners=None, why="", by=None):
    """Decide a test and free those who waited. Returns {language: variant} of what was decided just now.

    Of a message that was sent nobody waited; it is decided all the same, and not once its message was cancelled.
    `winners`: {language: variant} that somebody chose by hand, only these languages; None: every language that is
    still open, by the figures. `why` stands for a decision by hand ("hand", "stopped"). The row of the test is locked,
    so that two workers, or a worker and a person, decide each language once.
    """
    test = SplitTest.objects.select_for_update().filter(message=message, decided_at=None).first()
    if test is None:
        return {}
    message = Message.objects.get(pk=message.pk)
    if message.state not in (*RUNS, Message.State.PAUSED):
        return {}
    languages, sound = tested(message), leaving(message)
    counts, now = figures(message), {}
    for language, variants in languages.items():
        variants = [v for v in variants if v in sound.get(language, ())] or variants
        if language in test.winners or (winners is not None and winners.get(language) not in variants):
            continue
        mine = counts.get(language, {})
        said = judge(mine, variants) if len(variants) > 1 else ALONE | {"winner": variants[0]}
        if winners is not None:
            said |= {"winner": winners[language], "why": why or "hand"}
        elif why:
            said |= {"winner": variants[0], "why": why}
        now[language] = said["winner"]
        test.figures[language] = said | {"variants": {v: mine.get(v, dict(NOTHING)) for v in variants}}
    if not now:
        return {}
    test.winners |= now
    if test.winners.keys() >= languages.keys():
        test.decided_at, test.decided_by = timezone.now(), by
    test.save(update_fields=["winners", "figures", "decided_at", "decided_by"])
    for language, variant in now.items():
        waiting = message.deliveries.filter(language=language, variant="")
        waiting.update(variant=variant, updated_at=Now())
    return now


def decide_due(message):
    """Decide a test whose time has come. Returns whether it was decided just now. One query where nothing is due.

    The hours count from when the last of the test left: while some of it waits for its turn, so does the decision.
    """
    test = SplitTest.objects.filter(message=message, decided_at=None, message__state__in=RUNS)
    test = test.filter(Q(decides_at=None) | Q(decides_at__lte=timezone.now())).select_related("message").first()
    if test is None:
        return False
    now, hours = timezone.now(), timedelta(hours=test.hours)
    taking_part = test.message.deliveries.exclude(variant="")
    if taking_part.unfinished().exists():
        due = max((test.decides_at or test.message.started_at + hours), now + LOOK_AGAIN)
    else:
        last = taking_part.filter(state__in=results.LEFT_HERE).aggregate(at=Max("sent_at"))["at"]
        due = max(last or test.message.started_at, test.message.started_at) + hours
    if due > now:
        if due != test.decides_at:
            SplitTest.objects.filter(pk=test.pk, decided_at=None).update(decides_at=due)
        return False
    return bool(decide(test.message))


def decide_all_due():
    """The keys of messages whose test was decided just now: what waited may leave."""
    open_ = SplitTest.objects.filter(decided_at=None, message__state__in=RUNS)
    open_ = open_.filter(Q(decides_at=None) | Q(decides_at__lte=timezone.now())).select_related("message")
    return [test.message_id for test in open_ if decide_due(test.message)]
