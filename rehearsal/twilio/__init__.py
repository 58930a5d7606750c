"""A simulated Twilio: REST, webhooks, TwiML and Media Streams as they are on the wire."""
