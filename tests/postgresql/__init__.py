"""PostgreSQL for test runs: the same, but quick to empty."""
