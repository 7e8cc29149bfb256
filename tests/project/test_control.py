"""The control of a project whose state several folders share: one holder at a time, fenced, free when it is killed."""

import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from holdtrue.errors import ProjectBusy, StateConflict
from holdtrue.project import hold_control
from holdtrue.project import lock as lock_module
from holdtrue.project.lock import CONTROL
from holdtrue.store import Store

HOLD = """
import sys, time
from pathlib import Path
from holdtrue.project import hold_control
from holdtrue.store import Store
with Store.open(Path(sys.argv[1])) as store, hold_control(store):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def homes(postgres: str, tmp_path: Path) -> tuple[Path, Path]:
    """Two `.holdtrue` folders with the same state."""
    schema = f"control_{uuid.uuid4().hex}"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        text = f'[tool.holdtrue.database]\nurl = "{postgres}"\nschema = "{schema}"\n'
        (tmp_path / name / "pyproject.toml").write_text(text)
    return tmp_path / "a" / ".holdtrue", tmp_path / "b" / ".holdtrue"


def write(store: Store) -> None:
    with store.transaction() as tx:
        revision, _ = tx.states.read("flights") or (None, {})
        tx.states.write("flights", {}, revision)


def test_a_second_folder_is_told_who_controls_and_a_killed_holder_is_waited_for_or_comes_back_at_once(
    homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = homes
    with Store.open(b) as other:
        holder = subprocess.Popen([sys.executable, "-c", HOLD, str(a)], stdout=subprocess.PIPE, text=True)
        with holder:
            try:
                assert holder.stdout is not None
                assert holder.stdout.readline() == "held\n"
                with pytest.raises(ProjectBusy, match=r":.*/a:.* controls this project already"), hold_control(other):
                    pass
            finally:
                holder.send_signal(signal.SIGKILL)
                holder.wait(10)
        with pytest.raises(ProjectBusy, match="if it was killed, its right lapses within"), hold_control(other):
            pass
        with Store.open(a) as again, hold_control(again):
            write(again)
        with hold_control(other):
            write(other)


def test_whoever_lost_the_control_writes_nothing_more(
    homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "_RENEW_SECONDS", 60.0)  # as if this machine were asleep
    with Store.open(homes[0]) as first, Store.open(homes[1]) as second, hold_control(first):
        write(first)
        with second.transaction() as tx:
            tx.leases.release(CONTROL, token=1)  # as if it had lapsed
        with hold_control(second):
            with pytest.raises(StateConflict, match="no longer held"):
                write(first)
            with first.reading() as tx:
                assert tx.leases.holder(CONTROL) is not None


def test_control_that_lapsed_while_nobody_else_took_it_is_taken_back(
    homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "_RENEW_SECONDS", 0.05)
    with Store.open(homes[0]) as store, hold_control(store):
        with Store.open(homes[1]) as other, other.transaction() as tx:
            tx.leases.release(CONTROL, token=1)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with store.reading() as tx:
                if tx.leases.holder(CONTROL) is not None:
                    break
            time.sleep(0.02)
        time.sleep(0.1)
        write(store)
    with Store.open(homes[1]) as other, other.reading() as tx:
        assert tx.leases.holder(CONTROL) is None


def test_loops_of_a_shared_state_do_not_exclude_each_other_and_whoever_holds_all_excludes_them(
    homes: tuple[Path, Path],
) -> None:
    with Store.open(homes[0]) as first, Store.open(homes[1]) as second:
        with hold_control(first, loop="a"):
            with hold_control(second, loop="b"):
                write(second)
            for loop in ("a", None):
                with pytest.raises(ProjectBusy, match="controls this project already"), hold_control(second, loop=loop):
                    pass
        with hold_control(first):
            with pytest.raises(ProjectBusy, match="controls this project already"), hold_control(second, loop="b"):
                pass
            write(first)


@pytest.mark.parametrize("is_over", [False, True], ids=["and holds it", "and gave it back"])
@pytest.mark.parametrize(("loop", "rival"), [(None, "a"), ("a", None)], ids=["one of all loops", "all loops of one"])
def test_control_that_lapsed_is_not_taken_back_after_another_controlled_what_it_holds(
    homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, loop: str | None, rival: str | None, is_over: bool
) -> None:
    monkeypatch.setattr(lock_module, "_RENEW_SECONDS", 0.05)
    mine, other = (CONTROL if name is None else f"{CONTROL} {name}" for name in (loop, rival))
    with Store.open(homes[0]) as first, Store.open(homes[1]) as second, hold_control(first, loop=loop):
        with second.transaction() as tx:
            tx.leases.release(mine, token=1)  # as if it had lapsed
            token = tx.leases.acquire(other, "another", 30.0)
            if is_over and token is not None:
                tx.leases.release(other, token=token)
        time.sleep(0.5)
        with pytest.raises(StateConflict, match="no longer held"):
            write(first)
        with first.reading() as tx:
            assert tx.leases.holder(mine) is None
