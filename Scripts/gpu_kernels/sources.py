"""The kernels' sources."""
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DEVICE = ROOT / "Sources" / "CrypTenDevice"
KERNELS = DEVICE / "Kernels"
# In the order in which a compiler must see them.
NAMES = ["dialect.h", "arguments.h", "elementwise.c", "expand.c", "bits.c", "structure.c", "products.c", "moduli.h", "tiles.h", "residues.c"]
