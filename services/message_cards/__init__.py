"""Message cards: which notices have buttons, and what a press of one does here. (Not the cards that filters ask.)"""
