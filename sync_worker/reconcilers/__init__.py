"""One I/O shell per resource: observes WeCom, loads our rows, lets the planners decide, records in one commit."""
