"""Associates (members) and outlets (departments): the mirror of WeCom's directory and its evidence."""
