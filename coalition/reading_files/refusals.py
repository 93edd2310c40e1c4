"""What cannot be read, and what to do about it."""


class Unreadable(Exception):
    """Why a file cannot be taken in, and what to do about it, in the organizer's language."""
