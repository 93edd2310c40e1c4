"""The back office's pages about people: find them, work on many at once, see how and why (or why not) we may write."""
