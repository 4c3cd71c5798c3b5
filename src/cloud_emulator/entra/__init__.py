"""Microsoft Entra ID: discovery document, signing keys, client-secret tokens, managed identity."""
