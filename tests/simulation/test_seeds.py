"""Random lives of one shop: accidents on every way, dead and sleeping workers, lost databases; at rest one stock."""

from collections import Counter

import pytest

from simulation.seeds import live
from syncengine.testing.simulation.shop import Accident

STRUCK = {
    *(Accident.LOST_BEFORE, Accident.LOST_AFTER, Accident.LATE, Accident.ERROR_BEFORE, Accident.ERROR_AFTER),
    *(Accident.BUSY, Accident.BUSY_UNTIL, Accident.SLOW, Accident.SHORT_LIST),
    *("commit cut", "worker killed", "worker slept beyond its lease", "redelivery", "order listed late"),
    *("database lost", "database restored", "keys replaced"),
}


@pytest.mark.timeout(600)  # half a minute of one core, which other suites may want too
def test_fifty_lives_pass_all_judgements_and_every_accident_struck() -> None:
    struck: Counter[str] = Counter()
    for seed in range(50):
        struck += live(seed).struck
    assert set(struck) == {str(accident) for accident in STRUCK}
