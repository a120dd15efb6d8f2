from devstack.demo import BRICKOWL_KEYS, KEYS, LOTS


def test_the_demo_lots_differ_in_what_a_shop_cannot_change() -> None:
    """Equal lots would be a warning at the very first look."""
    identities = {(lot["item_no"], lot["color_id"], lot["condition"]) for lot in LOTS}
    assert len(identities) == len(LOTS)


def test_the_demo_keys_could_open_no_real_shop() -> None:
    assert all(key.startswith("demo-") for key in (KEYS | BRICKOWL_KEYS).values())
