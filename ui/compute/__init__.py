"""The engine as the pages use it, and the payloads that the browser fetches."""
