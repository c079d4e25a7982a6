"""The key that signs access tokens: from the settings, or one that this machine makes and keeps."""

from __future__ import annotations

import secrets
from pathlib import Path

from include.errors import ServiceError, StoreUnavailable
from include.secret import Secret
from include.services.processes.files import kept_secret, locked, make_private_folder
from include.settings import AccountSettings

KEY_FILE = "secret_key"
KEY_BYTES = 32


def signing_key(settings: AccountSettings, local_dir: Path) -> Secret:
    """Give the key of access tokens.

    Args:
        settings: hold it, when SECRET_KEY is set.
        local_dir: folder of everything this machine keeps.

    Returns:
        The key; without SECRET_KEY all processes of this machine get the same one, kept with mode 600.

    Raises:
        StoreUnavailable: the key of this machine cannot be read or written.
    """
    if settings.secret_key is not None:
        return settings.secret_key
    try:
        folder = make_private_folder(local_dir)
        with locked(folder / f"{KEY_FILE}.lock"):  # several workers start at once; one of them makes it
            return Secret(kept_secret(folder / KEY_FILE, lambda: secrets.token_hex(KEY_BYTES)))
    except (OSError, ServiceError) as error:
        raise StoreUnavailable(
            f"The key of access tokens cannot be kept in {local_dir} ({error}); set SECRET_KEY."
        ) from None
