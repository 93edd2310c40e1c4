"""How a decision is called once it is made."""

from django import template

from coalition.counting import State

register = template.Library()


@register.filter
def done(decision):
    """{{ decision|done }}: "Signed", "Abstained", where the form says "Sign", "Abstain"."""
    return State(decision.choice).label
