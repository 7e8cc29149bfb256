"""How often is there an alarm without a cause, and how long does a true one take? Simulations with a seed.

python benchmarks/judgement/alarms.py            # short form, some minutes
python benchmarks/judgement/alarms.py --full     # 2,000 canaries, ten model-years; about an hour on two idle cores
"""

import argparse
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from canaries import try_days, try_designs, try_sticky_units
from peers import keep_results, read_results
from rich.console import Console
from rich.table import Table
from slices import try_slices
from watches import count_false_moves, count_flags, find_shift, share_seen, try_coverage, try_ddm, try_risk

WOBBLES = (0.0, 0.05, 0.1)


def try_moves(n_years: float, n_runs: int, seed: int) -> dict[str, Any]:
    """Watch 50 features x 1,000 rows a day: false moves a model-year by wobble, and the days until a shift is found."""
    false_moves = {}
    for wobble in WOBBLES:
        years = [min(1.0, n_years - k) for k in range(int(np.ceil(n_years)))]
        n_begun = sum(
            count_false_moves(
                np.random.default_rng([seed, 3, year, int(100 * wobble)]),
                n_days=round(365 * length), n_rows=1_000, wobble=wobble,
            )
            for year, length in enumerate(years)
        )  # fmt: skip
        false_moves[f"{wobble}"] = n_begun / n_years
    waits = {}
    for shift in (0.5, 0.25):
        days = [find_shift(np.random.default_rng([seed, 4, k]), n_rows=500, shift=shift) for k in range(n_runs)]
        waits[f"{shift}"] = {"median": float(np.median(days)), "longest": max(days)}
    return {"n_years": n_years, "false_moves_a_year": false_moves, "days_to_find_at_500_rows": waits, "n_runs": n_runs}


def try_rules(n_days: int, seed: int) -> dict[str, Any]:
    """Return what textbook rules and peers' default rules flag a model-year, and whether they see .25 sigma."""
    rng = np.random.default_rng([seed, 6])
    flags = {
        f"wobble {wobble}, reference {n_reference:,}": count_flags(
            rng, n_days=n_days, n_rows=1_000, n_reference=n_reference, wobble=wobble
        )
        for wobble, n_reference in ((0.0, 60_000), (0.0, 960), (0.1, 60_000))
    }
    return {"flags_a_year": flags, "sees_0.25_sigma": share_seen(rng, shift=0.25, n_rows=1_000, n_runs=200)}


def show(found: dict[str, Any]) -> None:
    console = Console(width=150)
    n_canaries = found["n_runs"]["canaries"]
    table = Table(title=f"{n_canaries:,} canaries of 20,000 units, error 10 %, alpha 5 %", title_justify="left")
    for name in ("design", "false abort", "promoted though 1 point worse", "requests to abort at +2 / +5 / +10"):
        table.add_column(name)
    for row in found["canaries"]:
        waits = [row[f"abort_at_{worse:.2f}"] for worse in (0.02, 0.05, 0.1)]
        told = [f"{w['median']:,.0f}" if w["median"] else f"({w['caught']:.0%} caught)" for w in waits]
        table.add_row(
            row["design"], f"{row['false_abort']:.1%}", f"{row['promoted_though_worse']:.1%}", " / ".join(told)
        )
    console.print(table)
    for row in found["sticky_units"]:
        console.print(
            f"500 sticky units, {row['design']}: every request counted {row['all_false_abort']:.1%} false aborts,"
            f" {row['all_false_pass']:.1%} false passes; a unit once (as rollouts do) {row['first_false_abort']:.1%},"
            f" {row['first_false_pass']:.1%}"
        )
    for row in found["days"]:
        shares = ", ".join(f"{name.replace('_', ' ')} {share:.1%}" for name, share in row.items() if name != "deff")
        console.print(f"14 days that move together, design effect {row['deff']:.0f}: {shares}")
    moves, rules = found["moves"], found["rules"]
    table = Table(title="50 features x 1,000 rows a day, nothing changes: flags a model-year", title_justify="left")
    for name in ("rule", *(list(rules["flags_a_year"])), "sees .25 sigma on day 1"):
        table.add_column(name)
    ours = moves["false_moves_a_year"]
    table.add_row("holdtrue, moved (60,000 rows of reference)", f"{ours['0.0']:.1f}", "", f"{ours['0.1']:.1f}", "")
    for name, seen in rules["sees_0.25_sigma"].items():
        table.add_row(name, *(f"{flags[name]:,.0f}" for flags in rules["flags_a_year"].values()), f"{seen:.0%}")
    console.print(table)
    console.print(f"holdtrue with a wobble of .05: {ours['0.05']:.1f} a model-year (wished <= 1 iid, <= 2 with wobble)")
    for shift, days in moves["days_to_find_at_500_rows"].items():
        median, longest = days["median"], days["longest"]
        console.print(f"{shift} sigma at 500 rows a day: found after {median:.0f} days, at most {longest}")
    for risk in found["risk"]:
        console.print(
            f"Error 10 % -> 15 %, 100 labels a day, limit {risk['limit_median']:.4f} by {risk['holdout_days']} days of"
            f" holdout: found {risk['median_days']:.0f} days after (90 % within {risk['days_90']:.0f}),"
            f" {risk['false_alerts_a_year']:.2f} false alerts a year (wished: 8, .1)"
        )
    for row in found.get("slices", []):
        console.print(
            f"{row['n_slices']} slices of {row['labels_a_day']} labels a day, design effect {row['effect']:.0f}:"
            f" {row['false_alarms_a_year']:.2f} false alarms a model-year, {row['of_slices_a_year']:.2f} of slices;"
            f" a tenth of the rows from 10 % to 30 %: found by {row['median_days']:.0f} days (90 % within"
            f" {row['days_90']:.0f}), in {row['found']:.0%} of {row['n_runs']} runs"
        )
    ddm = found["ddm"]
    console.print(f"DDM: {ddm['median_days']:.0f} days, {ddm['false_alerts_a_year']:.2f} false alerts a year")
    for row in found["coverage"]:
        shares = ", ".join(f"{name} {row[name]:.1%}" for name in row if name not in ("deff", "n_blocks"))
        where = f"{row['n_blocks']} days, design effect {row['deff']:.0f}"
        console.print(f"95 % intervals, {where}: {shares} (wished >= 93.5 %)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, help="simulated runs of each cell; 200, or 2,000 in the full form")
    parser.add_argument("--years", type=float, help="model-years that are watched; 0.25, or 10 in the full form")
    parser.add_argument("--parts", nargs="*", help="these parts alone; of the others what was measured before stays")
    chosen = parser.parse_args()
    n_runs, seed = chosen.runs or (2_000 if chosen.full else 200), chosen.seed
    found: dict[str, Any] = {}
    parts: dict[str, Callable[[], object]] = {
        "canaries": lambda: try_designs(n_runs, seed),
        "sticky_units": lambda: try_sticky_units(n_runs, seed),
        "days": lambda: try_days(n_runs, seed),
        "coverage": lambda: [row for n in (20, 60) for row in try_coverage(n_runs, seed, n_blocks=n)],
        "risk": lambda: [try_risk(n_runs, seed, holdout_days=days) for days in (60, 180)],
        "slices": lambda: [
            try_slices(n_runs // 10, n_runs // 5, seed, n_slices=n_slices, effect=effect)
            for effect in (1.0, 7.0, 40.0)
            for n_slices in (1, 10, 50)
        ],
        "ddm": lambda: try_ddm(n_runs // 5, seed),
        "rules": lambda: try_rules(100 if chosen.full else 10, seed),
        "moves": lambda: try_moves(chosen.years or (10.0 if chosen.full else 0.25), 50 if chosen.full else 5, seed),
    }
    for name, part in parts.items():
        if chosen.parts is not None and name not in chosen.parts:
            continue
        measured = part()
        # What is measured stays, if it is stopped; parts may be measured one by one.
        found = read_results("judgement-alarms") if chosen.parts is not None else found
        runs = dict(found.get("n_runs", {})) | {name: n_runs}
        found |= {"seed": seed, "n_runs": runs, name: measured}
        print(f"  {name}: done", file=sys.stderr, flush=True)
        keep_results("judgement-alarms", found)
    show(found)


if __name__ == "__main__":
    main()
