"""Who was lost and who was deleted (LOSS)."""
