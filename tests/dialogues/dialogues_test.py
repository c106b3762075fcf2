"""Every *.dialogue file of this folder, against the daemons built with sanitizers."""
import glob
import os

from play import add_file

for path in sorted(glob.glob(os.path.join(os.path.dirname(__file__), "*.dialogue"))):
    add_file(path, build=os.environ.get("PENNYPOST_BUILD", "asan"))
