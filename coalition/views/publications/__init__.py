"""The back office's pages about publications: the list, one of them, writing, freezing, comparing, showing."""
