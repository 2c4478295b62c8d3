"""What is not here as it is in WeCom: planners' results told as differences, row by row and field by field."""
