"""Chats as channels of effects: messages leave under a key, by which they are found again."""
