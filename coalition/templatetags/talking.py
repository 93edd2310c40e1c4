"""What a partner talked about before deciding, for the page where it decides; and a passage beside its new wording."""

from django import template

from coalition import canonical, reviewing, talking
from coalition.models import Remark

register = template.Library()


@register.filter
def reworded(passage, proposal):
    """{% for kind, words in remark.passage|reworded:remark.proposal %}: word by word, "same", "gone" or "new"."""
    return canonical.difference(passage, proposal)


@register.simple_tag
def remarks_waiting(round_):
    """{% remarks_waiting round as number %}: how many questions and proposals of a round wait for an answer."""
    return sum(number for (_kind, state), number in talking.counts(round_).items() if state == Remark.State.OPEN)


@register.simple_tag
def to_take_up(publication):
    """{% to_take_up publication as passages %}: what was taken up since the text was last frozen, by passage."""
    return talking.to_take_up(publication) if publication else []


@register.simple_tag
def talk_of(invitation, version):
    """{% talk_of invitation version as talk %}: `questions`, `proposals`, `answered`, colleagues' `lines`."""
    said = list(talking.thread(invitation.round, invitation.organization).values_list("kind", "state"))
    return {
        "questions": sum(kind == Remark.Kind.QUESTION for kind, _state in said),
        "proposals": sum(kind == Remark.Kind.PROPOSAL for kind, _state in said),
        "answered": sum((kind, state) == (Remark.Kind.QUESTION, Remark.State.TAKEN) for kind, state in said),
        "lines": reviewing.lines(invitation, version),
    }
