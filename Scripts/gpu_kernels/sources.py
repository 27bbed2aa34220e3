"""The kernels' sources."""
import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DEVICE = ROOT / "Sources" / "CrypTenDevice"
KERNELS = DEVICE / "Kernels"
# In the order in which a compiler must see them.
NAMES = ["dialect.h", "arguments.h", "elementwise.c", "expand.c", "bits.c", "structure.c", "products.c", "moduli.h", "tiles.h", "residues.c"]


def text():
    """All of them, as a compiler gets them."""
    text = "".join((KERNELS / name).read_text(encoding="utf-8") for name in NAMES)
    if not text.endswith("\n"):
        sys.exit("the sources must end in a newline")
    return text


def digest():
    """Their SHA-256, in hexadecimal digits."""
    return hashlib.sha256(text().encode()).hexdigest()
