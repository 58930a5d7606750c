"""The emulated Calendly."""
