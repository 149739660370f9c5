"""What recorded transactions (`getTransaction`, one a file) did to token balances.

A replay of transactions tells balances of the tokens that events of a transaction are about. Which those are
is known here by the rows of trades alone; a token that appears in a transaction without a trade of it is
therefore unclear, and left out of what is compared.
"""

import base64
import json
from collections import defaultdict

from facts import CURRENCIES

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Told:
    """The accounts of one token after a transaction: what each held before and after, by owner and account."""

    def __init__(self, accounts):
        self.accounts = accounts

    def changes(self):
        """By owner."""
        changes = defaultdict(int)
        for (owner, _), (before, after) in self.accounts.items():
            changes[owner] += after - before
        return changes

    def is_plain(self):
        """One owner got what the other gave, and nothing else moved."""
        changes = list(self.changes().values())
        return len(changes) == 2 and sum(changes) == 0 and changes[0] != 0


def read(folder, trades):
    """Balances by signature and token, and the tokens that are unclear."""
    traders = defaultdict(set)
    for trade in trades:
        traders[trade.row["signature"], trade.mint].add(trade.trader)
    told, unclear = {}, set()
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text())
        document = document.get("result", document)
        signature, keys = path.stem, None
        listed = document["meta"]["preTokenBalances"], document["meta"]["postTokenBalances"]
        mints = {balance["mint"] for balances in listed for balance in balances or []}
        for mint in mints - CURRENCIES.keys():
            if (signature, mint) not in traders:
                unclear.add(mint)
                continue
            keys = keys or account_keys(document)
            accounts = of_mint(listed, mint, traders[signature, mint] - {None}, keys)
            if accounts:
                told[signature, mint] = Told(accounts)
    return told, unclear


def of_mint(listed, mint, traders, keys):
    """The accounts whose balance changed, and those of the traders; a trader without one holds nothing."""
    accounts, is_owned = {}, True
    for at, balances in enumerate(listed):
        for balance in balances or []:
            if balance["mint"] != mint:
                continue
            if not balance.get("owner"):
                is_owned = False
                continue
            key = balance["owner"], keys[balance["accountIndex"]]
            accounts.setdefault(key, [0, 0])[at] = int(balance["uiTokenAmount"]["amount"])
    if accounts and is_owned:
        for trader in traders - {owner for owner, _ in accounts}:
            accounts[trader, None] = [0, 0]
    return {key: tuple(both) for key, both in accounts.items() if both[0] != both[1] or key[0] in traders}


def account_keys(document):
    """The accounts of a transaction by index, those of lookup tables after its own."""
    transaction = document["transaction"]
    loaded = document["meta"].get("loadedAddresses") or {}
    if isinstance(transaction, list):
        keys = keys_of_bytes(base64.b64decode(transaction[0]))
    else:
        keys = [key if isinstance(key, str) else key["pubkey"] for key in transaction["message"]["accountKeys"]]
        if transaction["message"]["accountKeys"] and isinstance(transaction["message"]["accountKeys"][0], dict):
            return keys  # a parsed message lists them all
    return keys + loaded.get("writable", []) + loaded.get("readonly", [])


def keys_of_bytes(data):
    count, at = compact(data, 0)
    at += 64 * count
    at += data[at] >> 7  # the version, if there is one
    count, at = compact(data, at + 3)
    return [base58(data[at + 32 * key : at + 32 * key + 32]) for key in range(count)]


def compact(data, at):
    """A number of one to three bytes, seven bits each."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def base58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text
