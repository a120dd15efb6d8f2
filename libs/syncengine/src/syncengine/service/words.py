"""What halts, alarms and pauses mean to a seller, and what to do: the one table of words."""

from collections.abc import Mapping

HALTS: Mapping[str, str] = {
    "WRONG_KEY": (
        "The shop does not accept the keys. Make new ones on its website and store them here;"
        " until then nothing is sent. The old ones are tried again every hour."
    ),
    "ADDRESS_NOT_ALLOWED": (
        "The keys may not be used from our address. Register our address with them on the shop's website;"
        " it is tried again every hour."
    ),
    "NO_PERMISSION": (
        "The shop does not allow its API to these keys: they may lack permission, or the account may be restricted."
        " Look at the account on the shop's website; it is tried again every hour."
    ),
    "NO_KEYS": "No keys are stored for this shop. Store them here to go on.",
    "ANOTHER_SHOP": (
        "The keys open a shop of another name than the one that was connected. Nothing is sent."
        " If it is the same shop under a new name, say so here; else store the keys of the shop that was connected."
    ),
    "NOTHING_OF_OURS": (
        "You said that this is your shop under a new name, but it shows no listing and no order that we know."
        " Nothing is sent. If the shop is closed, open it and answer again; else store the keys of the shop that was"
        " connected. A connection cannot be moved to a different shop: what is listed, sold and ordered in the one"
        " would be taken for the other's."
    ),
    "ANOTHER_CURRENCY": (
        "The shop's currency is not the one given for this connection, so prices would be wrong. Nothing is sent."
        " Correct the currency here or in the shop."
    ),
    "SHOP_OF_ANOTHER_SELLER": "This shop is connected to another account already. It can be kept by one account only.",
}

ALARMS: Mapping[str, str] = {
    "LIST_IS_EMPTY": (
        "The shop shows no listings at all, as a closed shop does. Open it, or say here that it really is empty."
        " It is read again every hour."
    ),
    "MANY_ARE_MISSING": (
        "Many listings are missing from the shop, and no orders explain it. See that the shop is open and complete,"
        " or say here that they really are gone. It is read again every hour."
    ),
}

PAUSES: Mapping[str, str] = {
    "SHOP_DOWN": "The shop does not answer. It is tried again shortly; your changes are kept and sent then.",
    "QUOTA": "The calls that the shop allows are used up for now. Your changes are sent as calls become free again.",
    "KEYS_UNAVAILABLE": "The keys cannot be had at this moment. It is tried again shortly.",
    "CLOCK_SKEWED": "Our clock and the shop's differ. That is ours to mend; nothing is sent until it is.",
    "STAMP_USED": "Another program uses the same keys at the same time. It is tried again shortly.",
    "NO_REPLY": "The shop did not reply. What was sent is looked at before anything else.",
    "SERVER_ERROR": "The shop reports an error of its own. It is tried again shortly.",
    "TURNED_AWAY": "The shop is too busy, or closed for a while. It is tried again shortly.",
    "UNREADABLE_REPLY": "The shop's replies cannot be read, as in maintenance. It is tried again shortly.",
    "UNEXPECTED_ANSWER": "The shop answers in a way that we do not know. It is tried again shortly.",
    "INTERNAL_ERROR": "An error on our side. It is tried again shortly, and we look into it.",
}

ORDER_UNREAD = (
    "The shop lists an order and does not give its lines, or says that it went into another and does not list that one,"
    " so what it sold cannot be counted. Look at the newest orders on the website. It is tried again each quarter"
    " of an hour; until it can be read, what is in doubt waits, and other sales and your decreases go on."
)
MATCHING: Mapping[str, str] = {
    "CONNECTED": "The shop is new here: its listings and orders are being matched with your lots. Nothing is sent yet.",
    "RECOGNISING": "The shop is read for listings or orders that we know; then its new name is taken. Nothing is sent.",
    "KEYS_REPLACED": "The keys are new: the shop is matched with your lots once more before anything is sent.",
    "DATABASE_LOST": "After trouble on our side, the shop is matched with your lots once more before anything is sent.",
    "ORDER_UNREAD": ORDER_UNREAD,
    "BASELINE_ON_ITS_WAY": "The match is done and is being recorded. Sending begins in a moment.",
}

FIRST_PLAN = "The shop had listings already. See what matching found, and confirm it: until then the shop is only read."
LATE_ORDERS = (
    "Orders from before the match may still show up: until they had time to, nothing is increased or newly listed."
    " Decreases are sent at once."
)
MANY_REMOVALS = (
    "Your changes would take many listings out of the shop at once, and no sale caused it. These removals wait:"
    " look at them, and confirm if they are meant. Everything else is sent."
)
SENDING_STOPPED = "Sending is switched off for now. Orders are read; your changes are kept and sent afterwards."
WRITES_SPENT = (
    "The calls that are meant for changes are used up for now; orders are still read."
    " Your changes are sent as calls become free again."
)
PAUSED = (
    "You paused this shop: nothing is sent to it. Orders are read, so sales are seen; your changes are kept, and sent"
    " when you resume it."
)
BATCHES_USED = "The shop was seen to do many of these at once, so it is asked for many at once."
BATCHES_ENDED = "Asked for several of these at once, the shop did not do them as asked: each is a call of its own."
NOT_CONNECTED = "No shop is connected."
READY = "Changes are sent as they come."
SOMETHING_ELSE = "The shop cannot be reached properly at this moment. It is tried again."

# What a plan says.

HELD: Mapping[str, str] = {
    "UNDER_WAY": "A call's outcome is open; what is sent next depends on what the shop shows.",
    "UNMAPPED": "The marketplace's catalogue does not know the item, or more than one: say which it is.",
    "NOT_COUNTED": "Sales are being counted; what is sent next depends on them.",
    "REMOVALS_HELD": MANY_REMOVALS,
}
BOUNDS: Mapping[str, str] = {
    "": "All of it could be sent at once.",
    "PACE": "The shop takes about one call a second.",
    "QUOTA": "The shop allows so many calls a day; the rest is sent as calls become free again.",
}
NOTHING_TO_SEND = "There is nothing to send."
NOT_WITHIN_MONTHS = "At the calls that the shop allows now, it would take longer than three months."

# What happens next, when a person has asked for something or answered.

ORDERS_NEXT = "The shop's orders are read as soon as a call may be made."
ORDERS_AND_LIST_NEXT = "The shop's orders are read, and the whole shop is compared, as soon as calls may be made."
MATCHING_ALREADY = "The shop is being matched as a whole already; its orders are read on the way."
CANNOT_READ = "The shop cannot be read now: see what its connection waits for. It is read as soon as that is over."
ASKED_ENOUGH = (
    "So many reads were asked for today that more would cost calls meant for your changes."
    " Orders are read as always, every few minutes."
)
TRIED_AGAIN = "What was set aside is sent again, in its turn."
NOTHING_TO_TRY = "Nothing is set aside for this."
OURS_KEPT = "What is wanted here is sent again, in its turn, and replaces what the shop shows."
THEIRS_TAKEN = "The lot becomes what this shop shows, and every other shop follows it."
SHOP_IS_RIGHT = (
    "The lot was changed by the difference. The shop is looked at once more, and nothing needs to be sent if it shows"
    " this number still."
)
OURS_IS_RIGHT = (
    "The shop is looked at once more; if it still shows the same difference, it is then set to what the lot has."
)
THIS_LISTING = (
    "The listing is read, and stands for the lot from then on: its orders count if they are later than the lot, and"
    " what differs in it is made as the lot is. Pieces are added to it only when late orders had time to show up."
)
LIST_ANEW = "Orders are read, and the shop where needed; if nothing there looks like the lot, it is listed anew."
LEFT_OUT = "The lot stays out of this shop until you say that it is to be listed."
LINES_ASSIGNED = (
    "The orders are told as the lot's. They count if they are later than the lot's own count; then the item goes on."
)
LINES_SET_ASIDE = "These order lines are nobody's lot. Nothing waits for them any more."
ITEM_MAPPED = "Lots of this item are listed as soon as calls may be made, unless the shop has listings like them."
SHOP_RECOGNISED_NEXT = (
    "The shop is read as soon as calls may be made. If a listing or an order that we know is found there, its new name"
    " is taken and it is matched with your lots once more; else nothing is sent and you are told."
)
SHOP_ASKED_NEXT = (
    "The shop stays the one that was connected. It is asked whose it is as soon as a call may be made, and nothing is"
    " sent before."
)
DEFAULT_SET = "Listings of lots that do not say it themselves are changed so, in their turn."
LOOK_AGAIN = "The whole shop is read again as soon as calls may be made."
LIST_IS_RIGHT = (
    "The whole shop is read again. If it lacks no more than you saw, it is believed: of each lot whose listing is gone"
    " you are asked whether it is to be listed again."
)
FIRST_LIST_IS_RIGHT = (
    "The whole shop is read again. If it lacks no more than you saw, it is believed, and lots that are not there are"
    " listed there."
)

# What a test came to.

LETS_US_IN = "The keys work: the shop let us read its orders."
KEYS_REPLACED = "Other keys were stored meanwhile. Test those."
NOT_TESTED = "The shop was not called yet: it is as soon as a call may be made. See what the connection does."
