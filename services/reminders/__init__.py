"""Which reminders a corp wants: switches per kind and stage, who else hears of them, quiet hours (LOSS-4, STG-4)."""
