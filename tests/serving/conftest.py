"""What the tests of serving share."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from holdtrue.serving import start_workers
from holdtrue.store import Store
from serving.flights import DELAYS, Flights, Live, train_booster, train_forest, train_line


@pytest.fixture(scope="session")
def forests():
    return [train_forest(seed=seed) for seed in range(2)]


@pytest.fixture(scope="session")
def boosters():
    return [train_booster(seed=seed) for seed in range(2)]


@contextmanager
def open_copy(prepared: Path, folder: Path) -> Iterator[Flights]:
    """Open a copy of a folder: the tables, versions and releases in it cost ten times what the copy does."""
    shutil.copytree(prepared, folder)
    with Store.open(folder) as store:
        yield Flights(store)


@pytest.fixture(scope="session")
def _nobody(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nobody") / ".holdtrue"
    Store.open(folder).close()
    return folder


@pytest.fixture(scope="session")
def _one(tmp_path_factory, _nobody, forests):
    with open_copy(_nobody, tmp_path_factory.mktemp("one") / ".holdtrue") as flights:
        flights.send(flights.release(forests[0]).number)
    return flights.folder


@pytest.fixture(scope="session")
def _two(tmp_path_factory, _nobody, forests):
    with open_copy(_nobody, tmp_path_factory.mktemp("two") / ".holdtrue") as flights:
        for forest in forests:
            flights.release(forest)
        flights.send(1, challenger=2, challenger_share=0.0, is_shadowed=True)
    return flights.folder


@pytest.fixture
def flights(tmp_path, _nobody):
    """A project that serves nothing."""
    with open_copy(_nobody, tmp_path / ".holdtrue") as flights:
        yield flights


@pytest.fixture
def served(tmp_path, _one):
    """A project whose loop "flights" is answered by one forest."""
    with open_copy(_one, tmp_path / ".holdtrue") as flights:
        yield flights


@pytest.fixture
def shadowed(tmp_path, _two):
    """A project whose loop "flights" is answered by one forest, while a second one shadows it."""
    with open_copy(_two, tmp_path / ".holdtrue") as flights:
        yield flights


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    """Return the arguments of a front with a certificate that was signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return {"tls_cert": str(folder / "cert.pem"), "tls_key": str(folder / "key.pem")}


@pytest.fixture(scope="session")
def live(tmp_path_factory, boosters):
    """A real worker that answers for three loops until the tests end."""
    with Store.open(tmp_path_factory.mktemp("live") / ".holdtrue") as store:
        flights = Flights(store)
        flights.send(flights.release(boosters[0]).number)
        late = flights.release(boosters[0], loop="late-flights", key="flight_id", unit=None)
        flights.send(late.number, loop="late-flights")
        delays = flights.release(
            train_line(), loop="delays", signature=DELAYS, rule=None, key=None, unit=None, time=None
        )
        flights.send(delays.number, loop="delays")
        workers = start_workers(flights.folder, port=0)
        assert workers.wait_until_ready(60), workers.problems
        yield Live(flights, workers, boosters[0])
        workers.stop()
