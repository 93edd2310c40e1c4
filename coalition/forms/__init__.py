"""What may come in, one module per topic."""
