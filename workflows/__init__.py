"""The durable half: deterministic workflows. `lead` is the story of a lead; `dialer` admits leads to lines."""
