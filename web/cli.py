"""The `riskmap` command: settings once, errors as two lines on standard error, the exit codes 0, 1 and 2."""

import json
import logging
import os
import signal
import sys
import traceback
import warnings
from pathlib import Path
from types import FrameType

from riskmap.errors import RiskMapError
from riskmap.settings import Settings


def main() -> None:
    """Run one command and exit: 0 done, 1 refused or failed, 2 wrong usage."""
    settings = Settings()
    # Numba reads it once, when it is first imported: kernels stay compiled in this city's home.
    # So nothing that brings it along may be imported above.
    os.environ.setdefault("NUMBA_CACHE_DIR", str(settings.home / "numba"))
    from riskmap.compiled import large_arrays_go_back  # noqa: PLC0415 - not before the line above
    from web.commands import app  # noqa: PLC0415 - nor this

    large_arrays_go_back()
    warnings.simplefilter("ignore")
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        app(obj=settings, standalone_mode=True)
    except RiskMapError as error:
        sys.exit(_refuse(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception:  # noqa: BLE001 - the last resort: told where the details are, never a bare traceback
        sys.exit(_fail(settings.home))


def _end(number: int, _frame: FrameType | None) -> None:
    """SIGTERM and a closed terminal unwind like Ctrl-C, so that the last command stops the private database."""
    raise SystemExit(128 + number)


def _refuse(error: RiskMapError) -> int:
    """The error where the person looks; with --json the one document on standard output."""
    from web.console import tell  # noqa: PLC0415 - brings Numba along

    tell(error)
    if "--json" in sys.argv:
        document = {"type": error.code, "title": error.title, "status": error.status, "detail": error.detail}
        print(
            json.dumps({**document, "remedy": error.remedy, **error.facts}, ensure_ascii=False, default=str)
        )
    return 1


def _fail(home: Path) -> int:
    """A fault of the program: the details go to a file of this home, one line to the person."""
    log = home / "log" / "error.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            traceback.print_exc(file=file)
        print(f"错误：程序内部错误，详情见 {log}", file=sys.stderr)
    except OSError:
        traceback.print_exc()
    print("处理：请重试；仍然出错时把该文件交给维护人员", file=sys.stderr)
    if "--json" in sys.argv:
        print(
            json.dumps(
                {
                    "type": "error",
                    "title": "程序出错",
                    "status": 500,
                    "detail": "程序内部错误",
                    "remedy": str(log),
                }
            )
        )
    return 1
