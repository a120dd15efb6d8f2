"""Changes: recorded facts about lots."""
