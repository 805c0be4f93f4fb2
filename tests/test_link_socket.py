"""Who is at the other end of the desk's socket, and everything that may stand there instead of a desk."""

import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.places import NOBODY, as_root, nobody, short
from trading_mcp import __version__, link
from trading_mcp.errors import (
    DeskForeign,
    DeskMissing,
    DeskOther,
    Exit,
    HomeUnsafe,
    HomeUnusable,
    LinkBroken,
    LinkRefused,
    PolicyInvalid,
    TradingMcpError,
)
from trading_mcp.link import (
    connect,
    encode,
    listen,
    peer_uid,
    read_hello,
    refusal,
    welcome,
)
from trading_mcp.place import Place, program, socket_path

_ = (short, nobody)


# The other end


def test_the_system_says_who_is_at_the_other_end() -> None:
    here, there = socket.socketpair()
    with here, there:
        assert peer_uid(here, sys.platform) == os.geteuid()


class Credentials(socket.socket):
    """A socket whose system answers as macOS does."""

    answer = b""

    def getsockopt(self, *_asked: object) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.answer


def test_macos_says_it_in_a_structure_of_its_own() -> None:
    with Credentials(socket.AF_UNIX) as connection:
        connection.answer = struct.pack("IIhxx16I", 0, 501, 1, 20, *[0] * 15)
        assert len(connection.answer) == 76
        assert peer_uid(connection, "darwin") == 501
        connection.answer = struct.pack("IIhxx16I", 1, 501, 1, 20, *[0] * 15)
        with pytest.raises(OSError, match="not known"):
            peer_uid(connection, "darwin")


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux the question for macOS")
def test_no_answer_is_no() -> None:
    here, there = socket.socketpair()
    with here, there, pytest.raises(OSError, match="not supported"):
        peer_uid(here, "darwin")


# The socket


@pytest.fixture
def place(short: Path) -> Place:
    (short / "mine").mkdir(mode=0o700)
    return Place("mine", str(short / "mine"))


Answer = Callable[[socket.socket], object]


@contextmanager
def desk(place: Place, answer: Answer) -> Generator[list[bytes]]:
    """A desk that takes one client, keeps its first line, and answers in its own way."""
    heard: list[bytes] = []

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            heard.append(client.recv(65_536))
            answer(client)

    with listen(place) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield heard
        thread.join()


def says(line: bytes) -> Answer:
    return lambda client: client.sendall(line)


def test_a_client_connects_and_nothing_after_the_first_lines_is_lost(place: Place) -> None:
    def answer(client: socket.socket) -> None:
        for byte in welcome("mine", "PAPER")[:5], welcome("mine", "PAPER")[5:] + b'{"first":1}\n':
            client.sendall(byte)
        client.sendall(client.recv(100))

    with desk(place, answer) as heard:
        connection, said = connect(place, "cli", "a test", {"read_only": True})
        with connection:
            assert connection.gettimeout() is None
            connection.sendall(b"and back\n")
            connection.shutdown(socket.SHUT_WR)
            assert connection.makefile("rb").read() == b'{"first":1}\nand back\n'
    assert (said.home, said.mode, said.desk) == ("mine", "PAPER", __version__)
    assert read_hello(heard[0][:-1]).flags == {"read_only": True}


def test_the_socket_is_for_its_owner_only_and_not_inherited(place: Place) -> None:
    with listen(place) as listener:
        found = os.lstat(socket_path(place))
        assert found.st_mode & 0o777 == 0o600
        assert not listener.get_inheritable()


def test_what_a_dead_desk_left_is_cleared_away(place: Place) -> None:
    listen(place).close()
    with pytest.raises(DeskMissing, match="ended without closing its door") as refused:
        connect(place, "cli", "a test")
    assert refused.value.exit_code is Exit.NO_DESK
    with desk(place, says(welcome("mine", "PAPER"))):
        connect(place, "cli", "a test")[0].close()


def test_no_desk_is_said_with_the_command_that_starts_one(place: Place) -> None:
    for nowhere in (place, Place("gone", "/nowhere/gone"), Place("file", f"{__file__}/x")):
        with pytest.raises(DeskMissing, match="No desk is running") as refused:
            connect(nowhere, "cli", "a test")
        assert refused.value.next_step == f"Start it: {program()} desk --home {nowhere.name}"


@as_root
def test_a_home_that_one_may_not_enter_is_unsound(nobody: Path) -> None:
    (nobody / "closed").mkdir(0o000)
    with pytest.raises(DeskForeign, match="cannot be reached: Permission denied"):
        connect(Place("mine", str(nobody / "closed" / "mine")), "cli", "a test")


@as_root
def test_where_no_socket_can_be_made_the_desk_says_so(nobody: Path) -> None:
    nobody.chmod(0o500)
    with pytest.raises(HomeUnusable, match="cannot be opened: Permission denied"):
        listen(Place("mine", str(nobody)))


def test_what_is_no_socket_is_neither_spoken_to_nor_removed(place: Place) -> None:
    Path(socket_path(place)).write_text("mine")
    with pytest.raises(DeskForeign, match="is no socket") as refused:
        connect(place, "cli", "a test")
    assert refused.value.exit_code is Exit.UNSOUND
    with pytest.raises(HomeUnsafe, match="is no socket"):
        listen(place)
    assert Path(socket_path(place)).read_text() == "mine"


def test_a_link_to_a_socket_is_no_socket(place: Place, short: Path) -> None:
    other = Place("other", str(short / "other"))
    (short / "other").mkdir(mode=0o700)
    with listen(other):
        Path(socket_path(place)).symlink_to(socket_path(other))
        with pytest.raises(DeskForeign, match="is no socket"):
            connect(place, "cli", "a test")


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_socket_where_others_may_put_one_is_not_trusted(mode: int, place: Place) -> None:
    with listen(place):
        Path(place.path).chmod(mode)
        with pytest.raises(DeskForeign, match="could be another user's"):
            connect(place, "cli", "a test")
    with pytest.raises(HomeUnsafe, match="chmod 700"):
        listen(place)


@as_root
def test_another_users_socket_is_not_spoken_to(place: Place) -> None:
    with listen(place):
        os.chown(socket_path(place), NOBODY, NOBODY)
        with pytest.raises(DeskForeign, match="could be another user's") as refused:
            connect(place, "cli", "a test")
        assert refused.value.exit_code is Exit.UNSOUND


@as_root
def test_a_desk_that_runs_as_another_user_is_not_spoken_to(nobody: Path) -> None:
    place = Place("mine", str(nobody))
    with listen(place):
        os.seteuid(0)
        os.chown(nobody, 0, 0)
        os.chown(socket_path(place), 0, 0)
        with pytest.raises(DeskForeign, match="runs as another user"):
            connect(place, "cli", "a test")


@as_root
def test_the_desk_sees_which_user_connects(place: Place) -> None:
    Path(place.path).parent.chmod(0o755)
    with listen(place) as listener:
        Path(place.path).chmod(0o755)
        os.chmod(socket_path(place), 0o666)  # noqa: PTH101, S103 - as if somebody had opened it
        with socket.socket(socket.AF_UNIX) as stranger:
            os.seteuid(NOBODY)
            try:
                stranger.connect(socket_path(place))
            finally:
                os.seteuid(0)
            client, _ = listener.accept()
            with client:
                assert peer_uid(client) == NOBODY


# Desks that are not what was expected


def answered(place: Place, answer: Answer, *, any_version: bool = False) -> TradingMcpError:
    with desk(place, answer), pytest.raises(TradingMcpError) as refused:
        connect(place, "cli", "a test", any_version=any_version)
    assert str(refused.value).isprintable()
    return refused.value


def test_a_desk_that_refuses_is_quoted(place: Place) -> None:
    error = answered(place, says(refusal(PolicyInvalid("Too many clients.", "Close one."))))
    assert (type(error), str(error)) == (LinkRefused, "Too many clients. Close one.")


def test_a_desk_of_another_version_is_named_and_can_still_be_asked_to_stop(place: Place) -> None:
    line = encode({"v": 1, "desk": "9.9.9\x1b", "home": "mine", "mode": "PAPER"})
    error = answered(place, says(line))
    assert isinstance(error, DeskOther)
    assert error.message == f"The desk of home mine is version 9.9.9?, this is {__version__}."
    assert error.next_step == f"Stop it and start it again: {program()} desk stop --home mine"
    assert error.version == "9.9.9\x1b"
    with desk(place, says(line)):
        connection, said = connect(place, "cli", "a test", any_version=True)
        connection.close()
    assert said.desk == "9.9.9\x1b"


def test_a_desk_of_another_home_is_not_taken_for_this_one(place: Place) -> None:
    assert "not the one of home mine" in str(answered(place, says(welcome("other", "PAPER"))))


@pytest.mark.parametrize("mode", ["DRY", "LIVE"])
def test_whatever_a_home_says_of_itself_a_path_reaches_no_desk_with_a_real_account(mode: str, place: Place) -> None:
    by_path = Place("mine", place.path, is_by_path=True)
    error = answered(by_path, says(welcome("mine", mode)))
    assert (type(error), error.exit_code) == (HomeUnusable, Exit.FAILED)


def rave(client: socket.socket) -> None:
    with suppress(OSError):
        client.sendall(b"x" * 100_000)


@pytest.mark.parametrize("answer", [socket.socket.close, says(b'{"v":1'), rave])
def test_a_desk_that_hangs_up_or_raves_is_left(answer: Answer, place: Place) -> None:
    error = answered(place, answer)
    assert (type(error), error.message) == (LinkBroken, "The desk of home mine hung up.")


def test_a_desk_that_speaks_no_json_is_left(place: Place) -> None:
    assert isinstance(answered(place, says(b"HTTP/1.1 400 Bad Request\n")), LinkBroken)


def test_a_desk_that_says_nothing_is_not_waited_for_without_end(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "ANSWER_WITHIN", 0.05)
    error = answered(place, lambda client: client.recv(1))
    assert (type(error), error.message) == (LinkBroken, "The desk of home mine does not answer.")


def test_a_desk_that_answers_a_byte_at_a_time_has_no_more_time_for_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "ANSWER_WITHIN", 0.2)

    def drip(client: socket.socket) -> None:
        client.settimeout(0.02)
        while True:
            try:
                client.sendall(b" ")
                if not client.recv(1):
                    return
            except TimeoutError:
                pass
            except OSError:
                return

    assert answered(place, drip).message == "The desk of home mine does not answer."


@pytest.mark.skipif(sys.platform != "linux", reason="macOS refuses such a connection as if nobody listened")
def test_a_desk_that_lets_nobody_in_is_not_taken_for_a_dead_one(place: Place) -> None:
    waiting: list[socket.socket] = []
    with listen(place):
        try:
            while True:
                waiting.append(socket.socket(socket.AF_UNIX))
                waiting[-1].setblocking(False)
                waiting[-1].connect(socket_path(place))
        except BlockingIOError:
            pass
        with pytest.raises(LinkBroken, match="lets nobody in"):
            connect(place, "cli", "a test")
        for each in waiting:
            each.close()
