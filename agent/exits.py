"""How the process tells that it has ended: the exit codes of `sysexits.h`."""

from typing import Final

EXIT_OK: Final = 0
EXIT_UNAVAILABLE: Final = 69
EXIT_FAILED: Final = 70
EXIT_CONFIG: Final = 78
