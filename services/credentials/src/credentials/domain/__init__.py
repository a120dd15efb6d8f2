"""What a credential is and how it changes; imports the standard library only."""
