"""What the app answers."""


def greeting(path: str) -> str:
    return f"Hello from {path}\n"
