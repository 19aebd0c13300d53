"""The token that lets a client into Kafka by OAUTHBEARER."""

from pathlib import Path

from aiokafka.abc import AbstractTokenProvider


class TokenFile(AbstractTokenProvider):
    """Reads the token from a file for each connection, as others renew it there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def token(self) -> str:
        """Return the token. Raises OSError, which aiokafka takes for a failed connection."""
        try:
            return self._path.read_text(encoding="ascii").strip()
        except UnicodeDecodeError as error:
            raise OSError(f"{self._path} holds no token: {error}") from error
