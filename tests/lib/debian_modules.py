"""Python modules from Debian's packages, also where another Python than Debian's runs the tests."""
import importlib
import sys

from harness import check

DEBIAN = "/usr/lib/python3/dist-packages"


def debian_module(name, package):
    """The module; the test fails if its package is missing."""
    if DEBIAN not in sys.path:
        sys.path.append(DEBIAN)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        check(False, f"{package} is missing ({error}); contrib/packages/test lists it")
