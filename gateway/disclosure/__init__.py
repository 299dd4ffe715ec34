"""The flow: one module per verb, in the order of things, each in one transaction with its entry."""
