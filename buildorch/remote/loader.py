# ruff: noqa: D100, D103, S102, UP036, BLE001, PLC0415
# The program for `python3 -c`: reads the agent from its input, byte for byte, and runs it. The
# server's python may be old, and its whole text is shown by `ps` there: so no more than this.
import os
import sys


def take(size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = os.read(0, size - len(data))
        if not piece:
            os._exit(0)
        data += piece
    return data


def main(nonce: str, *words: str) -> None:
    word = take(1)
    while word[-1:] != b"\n":
        word += take(1)
    try:
        world = {"__name__": "buildorch_agent"}  # type: dict[str, object]
        exec(compile(take(int(word)), "agent", "exec"), world)
        world["serve"](nonce, *words)  # type: ignore[operator]
    except BaseException:
        import traceback

        text = " ".join(traceback.format_exc().split())
        os.write(1, ("\nUNUSABLE " + nonce + " " + text + "\n").encode("utf-8", "replace"))
    finally:
        os._exit(0)


if __name__ == "__main__":
    if sys.version_info < (3, 3):
        sys.exit(96)
    # The folder that we are in is no library.
    sys.path = [path for path in sys.path if path]
    main(*sys.argv[1:])
