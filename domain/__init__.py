"""What exists and what is allowed: the nouns of the platform, their field rules, their lives."""
