"""What is unknown or contradictory about BrickLink, as switches: every [?] of `marketplaces/bricklink.md`.

The defaults are what is documented or best attested. A sync that is right must be right under every setting.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, kw_only=True)
class Switches:
    """One shop's answers to the open questions, its quota and its clock."""

    # pydantic reads this when the control API checks a change; the model itself needs no pydantic.
    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "use_attribute_docstrings": True}

    # Envelope
    errors_as_http_200: bool = True
    """Send every envelope as HTTP 200, whatever its code; off: the real status (section 1.1)."""
    empty_data: Literal["object", "missing", "null"] = "object"
    """What `data` is in an answer without data."""
    absent_optional: Literal["missing", "null"] = "missing"
    """How optional fields without a value look (10.10)."""
    refuse_content_type_parameters: bool = True
    """Answer 415 to `application/json; charset=utf-8`: only the bare media type is known to work."""

    # Lots
    below_zero: Literal["refuse", "clamp"] = "refuse"
    """What a difference below the stock does: 400, or the lot goes to zero (10.3)."""
    reaching_zero: Literal["as_sale", "keep", "refuse"] = "as_sale"
    """What a difference to exactly zero does: the lot goes unless `is_retain`, it always stays, or 400 (10.3)."""
    create_with_zero: Literal["refuse", "accept"] = "refuse"
    """Whether a lot may be created with no pieces."""
    signed_quantity_only: bool = False
    """Refuse a difference that is not a string with a sign; off: numbers work and unsigned means plus."""
    description_required: bool = True
    """Refuse a create or PUT without `description`, as since February 2024."""
    text_limit: int | None = 255
    """Longest description or remarks in characters; null: no limit (10.5)."""
    long_text: Literal["refuse", "cut"] = "refuse"
    """What happens to a longer text."""
    markup: Literal["escape", "strip"] = "escape"
    """Whether markup in texts is kept (and escaped on output), or taken out when stored (1, "Server sanitiser")."""
    escaped_texts: bool = True
    """Whether texts in answers are HTML-escaped, as every client saw; off: as they are stored (1, "HTML escaping")."""
    one_element_array: Literal["empty", "lot"] = "empty"
    """What creating an array of one answers: empty data, or the lot (10.2)."""
    array_limit: int | None = None
    """Longest array that is accepted; null: no limit (10.2)."""
    array_failure: Literal["refuse_all", "stop_at_first", "skip_bad"] = "refuse_all"
    """A bad element in an array: nothing is created; those before it are, with 400; all good ones are, with 201."""
    delete_answer: Literal["envelope", "no_content"] = "envelope"
    """HTTP 200 with an envelope of code 204, or a true HTTP 204 (section 3.6)."""
    status_put_answer: Literal[204, 200] = 204
    """The envelope's code after a change of an order's status (section 4.1)."""
    store_closed: bool = False
    """A closed store lists no lot (section 3.2)."""
    empty_retained_status: Literal["Y", "N"] = "N"
    """The status letter of a retained lot with no pieces (10.4)."""
    mixed_filter: Literal["exclude_wins", "include_wins"] = "exclude_wins"
    """What a list filter with both kinds of values means: `include_wins` forgets the excluded ones."""
    show_is_reserved: bool = False
    """Whether lots carry the undocumented `is_reserved`."""
    foreign_lot: Literal[403, 404] = 404
    """The answer to reading or changing another seller's lot."""

    # Orders
    order_lag_seconds: float = 0
    """How long a new or changed order stays unseen, while its pieces are gone at once."""
    notifications_read_once: bool = True
    """Whether reading the notifications marks them read."""

    # OAuth
    clock_offset_seconds: float = 0
    """How far the shop's clock is ahead of the machine's; its Date header and dates follow."""
    timestamp_window_seconds: float = 300
    """How old, or how far ahead, an OAuth timestamp may be (10.7)."""
    refuse_repeated_timestamp: bool = True
    """Refuse a timestamp that the key used before, even with a new nonce."""
    token_ip: str = "0.0.0.0"  # noqa: S104, S105  an address to compare with
    """The address that the token is tied to; with the mask 0.0.0.0 every caller fits."""
    token_ip_mask: str = "0.0.0.0"  # noqa: S104, S105
    """Which bits of the address count."""

    # Quota
    daily_limit: int = 5000
    """Calls in a day before calls are refused (section 7)."""
    quota_window: Literal["rolling", "calendar_day"] = "rolling"
    """Whether the day is the last 24 hours or starts at midnight UTC (10.6)."""
    quota_refusal: Literal["http_429", "http_429_retry_after", "envelope_429", "envelope_403"] = "envelope_429"
    """How a call over the limit is refused (10.6)."""
    parallel_limit: int | None = None
    """Answer an HTML 503 to more calls than this at once, as seen above five; null: no limit."""

    # Push
    callback_url: str | None = None
    """Where new notifications are posted; null: nowhere (section 5)."""
    callback_body: Literal["list", "object"] = "list"
    """The body of such a post: a list of one notification, or the notification (10.8)."""
    callback_drop_rate: float = 0
    """The share of posts that never leave, from 0 to 1: delivery is not guaranteed."""
