"""What leaves the house: letters to a mail server, messages to chats, webhooks; no database here."""


class NotSent(Exception):
    """It could not be sent; ``reason`` is a code that section ``sending`` words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
