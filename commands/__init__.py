"""What operators type: subcommands of `guanxi` that are no process of their own, and those that start all processes."""
