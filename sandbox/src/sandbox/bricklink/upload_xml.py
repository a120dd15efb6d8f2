"""Writes a realistic BrickLink mass-upload XML (`marketplaces/formats.md` section 2): parts, some sets, optional tags.

Numbers, names and colours come from the tables in `sandbox/data`; which stock there is of them is made up from a seed.
"""

from decimal import Decimal
from random import Random
from xml.sax.saxutils import escape

from sandbox.catalog import Catalog

_KINDS_OF_PART_COLORS = ("Solid", "Transparent")
_SETS = ("75192-1", "10281-1", "21325-1", "42115-1", "10696-1", "6080-1", "928-1", "10030-1")
_DESCRIPTIONS = ("", "", "", "light scratches", "like new (see photo)", "clip's arm a bit loose", "washed & sorted")
_EVERY_SO_MANY_A_SET = 20


def upload_xml(catalog: Catalog, *, lots: int, seed: int) -> str:
    """Return a file of so many lots; parts repeat in item and colour only when the tables are used up."""
    random = Random(seed)  # noqa: S311  made-up stock, not a secret
    colors = sorted(color.color_id for color in catalog.colors.values() if color.kind in _KINDS_OF_PART_COLORS)
    parts = [(part, color) for part in sorted(catalog.part_names) for color in colors]
    random.shuffle(parts)
    elements = []
    for place in range(lots):
        is_set = place % _EVERY_SO_MANY_A_SET == _EVERY_SO_MANY_A_SET - 1
        tags = _set(random) if is_set else _part(random, *parts[place % len(parts)])
        tags += _storage(random, place)
        elements.append(" <ITEM>" + "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in tags) + "</ITEM>\n")
    return "<INVENTORY>\n" + "".join(elements) + "</INVENTORY>\n"


Tags = list[tuple[str, str]]


def _part(random: Random, part: str, color: int) -> Tags:
    price = Decimal(random.randint(10, 900)) / 1000
    quantity = random.choice((1, 2, 4, 10, 25, 40, 100, 250, 1200))
    tags = [
        *(("ITEMTYPE", "P"), ("ITEMID", part), ("COLOR", str(color)), ("CATEGORY", "")),
        *(("QTY", str(quantity)), ("PRICE", f"{price:.3f}"), ("CONDITION", random.choice("NU"))),
    ]
    if quantity >= 100 and random.random() < 0.3:
        tags.append(("BULK", str(random.choice((2, 5, 10)))))
    if random.random() < 0.2:
        tags += [("TQ1", "50"), ("TP1", f"{price * 9 / 10:.3f}"), ("TQ2", "100"), ("TP2", f"{price * 8 / 10:.3f}")]
        tags += [("TQ3", "0"), ("TP3", "0.000")]
    if random.random() < 0.3:
        tags.append(("MYCOST", f"{price / 3:.3f}"))
    return tags


def _set(random: Random) -> Tags:
    condition = random.choice("NU")
    return [
        *(("ITEMTYPE", "S"), ("ITEMID", random.choice(_SETS)), ("COLOR", "0"), ("CATEGORY", "")),
        *(("QTY", str(random.randint(1, 3))), ("PRICE", f"{random.randint(15, 650)}.000"), ("CONDITION", condition)),
        ("SUBCONDITION", "S" if condition == "N" else random.choice("CI")),
    ]


def _storage(random: Random, place: int) -> Tags:
    """Return the texts, where it lies, and the rarer tags."""
    tags = [("DESCRIPTION", random.choice(_DESCRIPTIONS))]
    tags.append(("REMARKS", f"{chr(ord('A') + place // 100 % 26)}{place // 10 % 10 + 1}-{place % 10 + 1:02d}"))
    if random.random() < 0.1:
        tags.append(("SALE", str(random.choice((5, 10, 20)))))
    if random.random() < 0.15:
        tags.append(("RETAIN", "Y"))
    if random.random() < 0.05:
        tags += [("STOCKROOM", "Y"), ("STOCKROOMID", random.choice("ABC"))]
    return tags
