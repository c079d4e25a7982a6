"""Device categories as Metrika delivers them, and the models that stand for two of them."""

from __future__ import annotations

DESKTOP, MOBILE = "1", "2"  # ym:s:deviceCategory
DEVICE_MODELS = {DESKTOP: "level4_desktop", MOBILE: "level4_mobile"}
DEVICE_NAMES = {DESKTOP: "desktop", MOBILE: "mobile", "3": "tablet", "4": "tv"}
OTHER_DEVICE = "unknown"
