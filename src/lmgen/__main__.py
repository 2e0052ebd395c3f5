"""`python -m lmgen`."""

from lmgen.cli import run

if __name__ == "__main__":
    run()
