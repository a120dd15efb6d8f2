"""Random lives of one shop, and of two: accidents on every way, dead workers, lost databases; at rest one stock."""

from collections import Counter
from collections.abc import Sequence

import pytest

from simulation.deciding import RULES, RULES_OF_BOTH, RULES_OF_BRICKOWL
from simulation.runs import LEAST_EVENTS, LEAST_FAULTS, run, table
from simulation.seeds import BOTH, BRICKLINK, BRICKOWL
from simulation.switches import BY_RULE, FIRST_FAILING

FAULTS = {
    *("request lost", "reply lost", "landed late", "503 before", "503 after", "429", "429 with Retry-After", "slow"),
    *("empty list", "short list", "stale list", "list of a closed shop", "429 by quota", "401"),
    *("commit cut", "worker killed", "worker slept beyond its lease", "worker fenced"),
    *("redelivery", "old revision delivered again", "order listed late", "batch added to an order", "order filed"),
    *("database lost", "database restored", "inventory restored"),
    *("keys replaced", "keys refused", "keys of another shop", "quota eaten by another tool", "shop closed"),
    *("quantity changed by hand", "price changed by hand", "listing removed by hand", "look-alike put up by hand"),
    *("item changed", "price in another currency", "price that the shop refuses"),
    *("many lots taken out", "many removals agreed to"),
    *("pieces out of an order", "pieces out of an order, restocked"),
    *("bought as many pieces as an unanswered write changes", "lot made for a listing that was there"),
    *("lot hidden", "lot shown", "lot archived", "lot restored", "retain changed", "burst of edits"),
}


NOT_AT_BRICKOWL = {"batch added to an order", "pieces out of an order", "pieces out of an order, restocked"}
RARE = {"429 by quota", "inventory restored"}
"""Too rare for twenty lives."""
BATCHES = {"several creates in one call", "several updates in one call", "answer to a batch cut short"}
OF_TWO_SHOPS = {
    *("shop connected late", "shop disconnected", "import", "import undone", "inventory restored"),
    *("database lost", "keys replaced", "pieces out of an order, restocked", "order merged into another"),
    *(
        "sold what was not there: inventory had not counted a sale",
        "sold what was not there: a decrease was on its way",
    ),
}
FAULTS_OF = {
    BRICKLINK: FAULTS,
    BRICKOWL: (FAULTS - NOT_AT_BRICKOWL - RARE) | {"order merged into another"} | BATCHES,
    BOTH: OF_TWO_SHOPS,
}
RECORDED = [(shop, rule) for shop, found in FIRST_FAILING.items() for rule in found]
RULES_OF = {BRICKLINK: RULES, BRICKOWL: RULES_OF_BRICKOWL, BOTH: RULES_OF_BOTH}


@pytest.mark.timeout(600)  # a quarter of a minute of one core, which other suites may want too
@pytest.mark.parametrize(
    ("shop", "seeds"), [(BRICKLINK, range(50)), (BRICKOWL, (*range(20), 29)), (BOTH, (*range(8), 10))]
)
def test_lives_pass_all_judgements_and_every_fault_struck_and_every_rule_decided(
    shop: str, seeds: Sequence[int]
) -> None:
    runs = [run(seed, shop=shop) for seed in seeds]
    assert {each.seed: each.words for each in runs if each.words} == {}
    struck = sum((each.struck for each in runs), Counter())
    decided = sum((each.decided for each in runs), Counter())
    print(f"\n{table(struck)}\n\n{table(decided)}")  # noqa: T201 - the table that says what these lives went through
    assert FAULTS_OF[shop] - struck.keys() == set()
    assert RULES_OF[shop] - decided.keys() == set()
    for each in runs:
        assert each.events >= LEAST_EVENTS, each.seed
        assert each.struck.total() >= LEAST_FAULTS, each.seed


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("shop", "rule"), RECORDED)
def test_without_a_rule_its_judgement_fails(shop: str, rule: str) -> None:
    assert run(FIRST_FAILING[shop][rule], shop=shop, without=rule).failed == BY_RULE[rule].judgement
