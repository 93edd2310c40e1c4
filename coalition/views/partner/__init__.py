"""The rooms of a partner's desk where it keeps its own record: its profile, who speaks for it, how it decides."""
