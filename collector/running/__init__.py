"""What a running collector does beside taking readings and answering: by itself, or when it is told to."""
