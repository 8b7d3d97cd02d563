"""What a visitor brought and chose: uploads, the session, the address."""
