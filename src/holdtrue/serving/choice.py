"""Choice: which loop a request means, and which of its versions may answer; the same however the request came."""

from holdtrue.serving.access.gate import Gate
from holdtrue.serving.answer.engine import Engine
from holdtrue.serving.answer.loaded import ServedLoop
from holdtrue.serving.reply import find_version
from holdtrue.serving.request.field import name_some, suggest_name
from holdtrue.serving.request.refusal import Code, Refused


def find_loop(engine: Engine, name: str) -> ServedLoop:
    """Return what a loop serves at this moment; `Refused` when it is not ready, or there is no such loop."""
    if name in engine.served:
        return engine.served[name]
    there = engine.wanted
    if name in there or not there:
        remedy = "try again; /v2/health/ready tells an observer what is the matter"
        raise Refused(Code.NOT_READY, "no version is ready to answer yet", remedy=remedy)
    found, expected = f"there is no loop {name[:60]!r}", f"one of {name_some(there)}"
    raise Refused(Code.UNKNOWN_LOOP, found, expected=expected, remedy=suggest_name(name, there))


def choose_version(
    served: ServedLoop, gate: Gate, authorization: str | None, forced: str | None, named: str | None
) -> ServedLoop:
    """Return what answers; `forced` is a version that must answer, `named` one that does if the traffic says so."""
    if forced is not None:
        gate.admit_forcing(authorization)
        return served.force(find_version(served, forced))
    if named is None:
        return served
    version = find_version(served, named)
    shares = {known: share for known, share in served.traffic.shares.items() if share > 0}
    if list(shares) == [version.number]:
        return served
    if gate.may_force(authorization):
        return served.force(version)
    told = ", ".join(f"v{known} {share:.0%}" for known, share in sorted(shares.items()))
    raise Refused(
        Code.VERSION_NOT_CHOSEN,
        f"v{version.number} of {served.traffic.loop!r} is not what everybody is answered by: the traffic says {told}",
        expected="no version, or a token that may force one",
        remedy="leave the version out; the answer names its own",
    )
