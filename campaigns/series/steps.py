"""A step and its messages: the one that leaves, those with its earlier words, and who followed a link of them."""

from django.db.models import Exists, OuterRef, Q

from campaigns.models import Click, Message, Step


def position_before(step):
    """How many steps come before it: the position of people whose next one it is."""
    return Step.objects.filter(series=step.series_id, position__lt=step.position).count()


def step_before(step):
    return Step.objects.filter(series=step.series_id, position__lt=step.position).order_by("-position").first()


def messages_of(step):
    """The keys of a step's messages: the one that leaves, and those with its earlier words."""
    return [step.message_id, *(message.pk for message in step.earlier.all())]


def numbered(steps):
    """[(key of a message, number of its step from 1 on)]."""
    return [(message, number) for number, step in enumerate(steps, 1) for message in messages_of(step)]


def all_messages(series):
    """The messages of its steps, those with earlier words among them."""
    return Message.objects.filter(Q(step__series=series) | Q(former_steps__series=series)).distinct()


def has_followed(step):
    """The condition that a person followed a link of a step, themselves."""
    return Exists(
        Click.objects.filter(
            delivery__message__in=messages_of(step),
            delivery__person=OuterRef("pk"),
            by=Click.By.PERSON,
            link__is_trap=False,
        )
    )
