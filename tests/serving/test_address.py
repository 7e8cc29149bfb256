import socket

import pytest

from holdtrue.errors import DeclarationError, PortTaken
from holdtrue.serving.address import Address


@pytest.fixture
def stranger():
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_free_port_is_found():
    assert Address("127.0.0.1", 0).settle().port > 0


def test_a_port_that_a_stranger_shares_is_taken_all_the_same(stranger):
    with pytest.raises(PortTaken, match=f"another process listens on 127.0.0.1:{stranger}"):
        Address("127.0.0.1", stranger).settle()


def test_a_host_that_is_not_here_is_refused():
    with pytest.raises(DeclarationError, match="nobody can listen"):
        Address("203.0.113.7", 8080).settle()


def test_siblings_share_a_port():
    first = Address("127.0.0.1", 0).bind(beside_siblings=True)
    with first, Address("127.0.0.1", first.getsockname()[1]).bind(beside_siblings=True) as second:
        assert second.getsockname() == first.getsockname()
