"""External contacts and the relations between them and associates: the mirror of WeCom and its evidence."""
