"""4,570.5 and never 4 570,5: people here read numbers that way in both languages."""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
