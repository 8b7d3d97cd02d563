"""The Models page's parts: what is shown of a model, what can be done with it, importing others."""
