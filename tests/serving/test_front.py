"""Where workers may listen, and what beyond this machine asks for."""

import pytest

from holdtrue.errors import DeclarationError
from holdtrue.serving import LogFormat, TokenRole, create_token
from holdtrue.serving.address import Address
from holdtrue.serving.front import Front
from holdtrue.serving.options import WorkerOptions, name_command, read_options


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_loopback_is_what_this_machine_alone_reaches(host, is_loopback):
    assert Address(host, 8080).is_loopback is is_loopback


def test_on_loopback_nothing_is_asked_for(tmp_path):
    Front().check(tmp_path)


def test_beyond_this_machine_there_must_be_encryption_or_a_word(tmp_path):
    create_token(tmp_path, name="app", role=TokenRole.PREDICT)
    with pytest.raises(DeclarationError, match=r"travel unencrypted.*--tls-cert and --tls-key, or --insecure"):
        Front(host="0.0.0.0").check(tmp_path)
    Front(host="0.0.0.0", is_insecure=True).check(tmp_path)


def test_beyond_this_machine_there_must_be_a_token(tmp_path, tls):
    with pytest.raises(DeclarationError, match="holdtrue token create"):
        Front(host="0.0.0.0", **tls).check(tmp_path)


def test_certificate_and_key_go_together_and_must_be_sound(tmp_path, tls):
    Front(**tls).check(tmp_path)
    with pytest.raises(DeclarationError, match="a certificate or a key, and not both"):
        Front(tls_cert=tls["tls_cert"]).check(tmp_path)
    with pytest.raises(DeclarationError, match="TLS cannot be set up"):
        Front(tls_cert=tls["tls_cert"], tls_key=tls["tls_cert"]).check(tmp_path)
    with pytest.raises(DeclarationError, match="TLS cannot be set up"):
        Front(tls_cert=str(tmp_path / "none.pem"), tls_key=tls["tls_key"]).check(tmp_path)


def test_a_front_is_met_by_the_same_one_on_any_port_when_any_is_wanted():
    found = Front(port=4711)
    assert Front(port=0).is_met_by(found)
    assert not Front(port=4712).is_met_by(found)
    assert not Front(port=0, host="0.0.0.0").is_met_by(found)
    assert not Front(port=0, grpc_port=0).is_met_by(found)
    assert Front(port=0, grpc_port=0).is_met_by(Front(port=4711, grpc_port=4712))


def test_a_front_is_told_to_the_worker_whole(tmp_path, tls):
    for front in (
        Front(host="::1", port=9, is_insecure=True, **tls),
        Front(port=None, uds="/run/x.sock", uds_mode=0o660, grpc_port=8081),
        Front(),
    ):
        options = WorkerOptions(folder=tmp_path, front=front, slot=1, nonce="n", uds_fd=7, log_format=LogFormat.JSON)
        command = name_command(options)
        assert read_options(command[command.index("holdtrue.serving.worker") + 1 :]) == options
