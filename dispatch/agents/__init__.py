"""The Faust agents, and the services that read for them and publish what they produce."""
