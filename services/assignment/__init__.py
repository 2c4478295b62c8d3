"""Who a customer is assigned to (ASG)."""
