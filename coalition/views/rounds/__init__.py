"""The back office's pages about sign-on rounds: open one, see where every partner stands, and do what comes next."""
