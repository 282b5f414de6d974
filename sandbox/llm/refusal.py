"""A request that the provider refuses, in the provider's own shape."""


class Refusal(Exception):  # noqa: N818  # says what it is
    """A request that is answered by an error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
