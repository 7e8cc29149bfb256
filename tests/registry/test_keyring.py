import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from holdtrue.errors import StoreFailed
from holdtrue.registry import Keyring


def test_a_signature_speaks_for_exactly_these_bytes(tmp_path):
    keyring = Keyring.open(tmp_path / "keys")
    signature = keyring.sign(b"a release")
    Keyring.open(tmp_path / "keys").verify(b"a release", signature)
    with pytest.raises(StoreFailed, match="has signed this document"):
        keyring.verify(b"another release", signature)


@pytest.mark.parametrize("signature", ["", "00" * 64, "not hex", "00"])
def test_what_is_no_signature_is_refused(tmp_path, signature):
    keyring = Keyring.open(tmp_path)
    keyring.sign(b"a release")
    with pytest.raises(StoreFailed):
        keyring.verify(b"a release", signature)


def test_the_private_key_is_readable_by_its_owner_alone(tmp_path):
    Keyring.open(tmp_path / "keys").sign(b"a")
    assert stat.S_IMODE((tmp_path / "keys" / "release.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_key_that_others_can_read_signs_nothing(tmp_path):
    keyring = Keyring.open(tmp_path)
    keyring.sign(b"a")
    (tmp_path / "release.key").chmod(0o644)
    with pytest.raises(StoreFailed, match="chmod 600"):
        keyring.sign(b"a")


def test_reading_makes_no_key(tmp_path):
    with pytest.raises(StoreFailed, match="no public key"):
        Keyring.open(tmp_path / "keys").verify(b"a", "00" * 64)
    assert not (tmp_path / "keys").exists()


def test_the_key_of_another_place_is_believed_when_it_was_put_there(tmp_path):
    there, here = Keyring.open(tmp_path / "there"), Keyring.open(tmp_path / "here")
    signature = there.sign(b"a release")
    here.sign(b"x")
    with pytest.raises(StoreFailed):
        here.verify(b"a release", signature)
    (tmp_path / "here" / "there.pub").write_bytes((tmp_path / "there" / "release.pub").read_bytes())
    here.verify(b"a release", signature)


@pytest.mark.parametrize("content", ["", "zz", "00ff"])
def test_a_broken_key_file_is_said(tmp_path, content):
    (tmp_path / "release.key").write_text(content)
    (tmp_path / "release.key").chmod(0o600)
    with pytest.raises(StoreFailed, match="key file"):
        Keyring.open(tmp_path).sign(b"a")


def test_two_that_make_the_key_at_once_get_the_same(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        signatures = set(pool.map(lambda _: Keyring.open(tmp_path).sign(b"a release"), range(32)))
    assert len(signatures) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release.key", "release.pub"]
