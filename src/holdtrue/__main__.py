"""`python -m holdtrue` is the command `holdtrue`."""

from holdtrue.cli import main

if __name__ == "__main__":
    main()
