"""Spanish as the United States and Puerto Rico write it."""
