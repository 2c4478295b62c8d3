"""What customers bought and did, as the retailer's systems tell it."""
