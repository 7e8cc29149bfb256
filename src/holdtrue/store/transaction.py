"""Transaction: one view of all table families; what is written through it happens wholly or not at all."""

import sqlalchemy as sa

from holdtrue.store.references import References
from holdtrue.store.tables.alerts import Alerts
from holdtrue.store.tables.aliases import Aliases
from holdtrue.store.tables.audit import AuditLog
from holdtrue.store.tables.beliefs import Beliefs
from holdtrue.store.tables.cache import Cache
from holdtrue.store.tables.datasets import Datasets
from holdtrue.store.tables.labels import Labels
from holdtrue.store.tables.leases import Leases
from holdtrue.store.tables.rollouts import Rollouts
from holdtrue.store.tables.runs import Runs
from holdtrue.store.tables.states import States
from holdtrue.store.tables.traffic import TrafficRows
from holdtrue.store.tables.verdicts import Verdicts
from holdtrue.store.tables.versions import Versions
from holdtrue.store.tables.windows import Windows


class Transaction:
    """One object for each table family, all in the same transaction of the database."""

    def __init__(self, connection: sa.Connection) -> None:
        self.versions = Versions(connection)
        self.aliases = Aliases(connection)
        self.verdicts = Verdicts(connection)
        self.runs = Runs(connection)
        self.cache = Cache(connection)
        self.datasets = Datasets(connection)
        self.labels = Labels(connection)
        self.rollouts = Rollouts(connection)
        self.traffic = TrafficRows(connection)
        self.alerts = Alerts(connection)
        self.windows = Windows(connection)
        self.beliefs = Beliefs(connection)
        self.states = States(connection)
        self.audit = AuditLog(connection)
        self.leases = Leases(connection)
        self.references = References(connection)
