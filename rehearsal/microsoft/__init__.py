"""The emulated Microsoft: sign-in over HTTPS, and Graph's calendars."""
