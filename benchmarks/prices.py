"""What an attacker learns of closed prices from suggestions: two hundred runs, ten rivals of his own, forty targets.

python -m benchmarks.prices
"""

from collections.abc import Callable

from tests.coalitions.test_price_attack import (
    ATTACKS,
    MIDDLE,
    TARGETS,
    as_told,
    quality,
    trade,
    with_every_price,
)

SEEN: dict[str, Callable[..., object]] = {"as told": as_told, "with every price (before)": with_every_price}


def main() -> None:
    """Print a table for docs/benchmarks.md."""
    truth = trade()
    print("| attack | suggestions | median error | within 5 % |\n|---|---|---:|---:|")
    print(_line("prior alone", "none", *quality([MIDDLE] * TARGETS, truth)))
    for attack, guess in ATTACKS.items():
        for name, asked in SEEN.items():
            print(_line(attack, name, *quality(guess(asked, truth), truth)), flush=True)


def _line(attack: str, name: str, error: float, hits: float) -> str:
    return f"| {attack} | {name} | {100 * error:.1f} % | {100 * hits:.0f} % |"


if __name__ == "__main__":
    main()
