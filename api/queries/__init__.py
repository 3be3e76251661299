"""Every ``select``: plain async functions, each beginning at what the actor may see."""
