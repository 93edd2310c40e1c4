"""Series: people enter by what they do, get one message after another, and leave when they act.

Every look finds its own work in the database: enrol who did what begins it, take out who acted or cannot be reached,
freeze the next step for whom it is due. Each holds the series' row, so that a look beside it passes by, and is made of
statements over sets: however many people are on the way, no more than `advancing.AT_ONCE` of their keys are in memory.
"""
