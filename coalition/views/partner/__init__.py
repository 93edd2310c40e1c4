"""The rooms of a partner's desk where it keeps its own record: its profile, who speaks for it, how it decides."""


def sent(request):
    """What a form gets: also one that came back with nothing in it was sent."""
    return request.POST if request.method == "POST" else None
