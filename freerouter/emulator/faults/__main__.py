"""python -m freerouter.emulator.faults: print the list of all faults, as Markdown."""

import sys

from freerouter.emulator.faults.page import page

if __name__ == "__main__":
    sys.stdout.write(page())
