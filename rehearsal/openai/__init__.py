"""OpenAI's chat completions, models and embeddings on the wire, with a small rule-based salesman for a model."""
