"""The back office's pages about organizations: the list and the board, one organization, and what belongs to it."""
