"""How many live calls does one core carry, and what does the bridge add to a reply? See command.py."""
