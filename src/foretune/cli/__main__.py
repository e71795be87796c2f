"""`python -m foretune.cli` is `foretune`."""

from foretune.cli import app

if __name__ == "__main__":
    app()
