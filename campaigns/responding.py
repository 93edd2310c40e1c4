"""What people did after a message reached them: only what they confirmed themselves counts (rule E6).

A signature, a confirmed endorsement, a seat in a webinar, an answer. One rule for results, tests and series: an answer
belongs to the message that it answers; of the others what a message asks for counts, and where it asks for none of
ours, any of them. Opens and clicks are no acts and no condition of one, so scanners, and readers whose clicks nobody
sees, change nothing. `results.acts` says the same in SQL, for all who got a message at once.
"""

from dataclasses import dataclass

from django.db.models import Exists, Q

from campaigns.models import Answer, MessageContent, Registration
from coalition.models import Decision, Endorsement


@dataclass(frozen=True)
class Asked:
    """What messages ask people to do, by key. Where they name nothing, whatever people sign or register for counts."""

    messages: frozenset
    rounds: frozenset = frozenset()
    publications: frozenset = frozenset()
    webinars: frozenset = frozenset()

    @property
    def names_something(self):
        return bool(self.rounds or self.publications or self.webinars)


NAMED_BY = {"action": ("rounds", "round"), "brief": ("publications", "publication"), "event": ("webinars", "webinar")}


def asked_by(*messages):
    """What the blocks of these messages ask for, in any language and variant. One query."""
    named = {"rounds": set(), "publications": set(), "webinars": set()}
    keys = frozenset(message.pk for message in messages)
    for blocks in MessageContent.objects.filter(message__in=keys).values_list("blocks", flat=True):
        for block in blocks:
            kind, name = NAMED_BY.get(block["type"], (None, None))
            if kind and block["value"].get(name):
                named[kind].add(block["value"][name])
    return Asked(keys, **{kind: frozenset(found) for kind, found in named.items()})


def did(asked, *, person, since):
    """The condition that somebody acted on messages after a moment, both expressions of the outer query."""
    signed = Decision.objects.filter(signer=person, choice=Decision.Choice.SIGN, at__gt=since)
    endorsed = Endorsement.objects.filter(person=person, confirmed_at__gt=since, withdrawn_at=None)
    seated = Registration.objects.filter(person=person, state=Registration.State.REGISTERED, registered_at__gt=since)
    answered = Answer.objects.filter(person=person, at__gt=since, message__in=asked.messages)
    if asked.names_something:
        about = Q(round__in=asked.rounds) | Q(publication__in=asked.publications)
        signed, endorsed = signed.filter(about), endorsed.filter(about)
        seated = seated.filter(webinar__in=asked.webinars)
    return Q(Exists(signed)) | Q(Exists(endorsed)) | Q(Exists(seated)) | Q(Exists(answered))


def somebody_did(*, since):
    """The condition that the `person` of a row did anything of this kind since a moment: few people, gathered once."""
    signed = Decision.objects.filter(choice=Decision.Choice.SIGN, at__gte=since, signer__isnull=False)
    endorsed = Endorsement.objects.filter(confirmed_at__gte=since, person__isnull=False)
    seated = Registration.objects.filter(registered_at__gte=since, person__isnull=False)
    answered = Answer.objects.filter(at__gte=since, person__isnull=False)
    return (
        Q(person__in=signed.order_by().values("signer"))
        | Q(person__in=endorsed.order_by().values("person"))
        | Q(person__in=seated.order_by().values("person"))
        | Q(person__in=answered.order_by().values("person"))
    )
