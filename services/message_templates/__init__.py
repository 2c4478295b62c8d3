"""What messages say and how they look: shipped texts, a corp's own in their place, and in which form they go out."""
