"""Finds what a person can press, choose or fill in, and says what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from bots.testing.slack.identity import Json
from bots.testing.slack.payloads import elements

_KEPT = ("type", "action_id", "text", "value", "style", "url")


def find_action(blocks: list[Json], value: str | None, action_id: str | None) -> Json:
    """Return the `actions` entry for the element with this value and action id; LookupError when there is none."""
    for block in blocks:
        for element in elements(block):
            for option in _choices(element):
                if _is_meant(element, option, value, action_id):
                    return _action(block, element, option)
    raise LookupError(f"Nothing to press with value {value!r} and action id {action_id!r}")


def fill_in(blocks: list[Json], values: Mapping[str, str]) -> Json:
    """Return `state.values` of a modal with these texts or options' values by action id."""
    state: Json = {}
    for block in blocks:
        for element in elements(block):
            if block["type"] == "input" or element["type"] != "button":
                entry = _entry(element, values.get(element["action_id"]))
                state.setdefault(block["block_id"], {})[element["action_id"]] = entry
    return state


def _choices(element: Json) -> Iterator[Json | None]:
    """Yield the options of a menu, or None once for what is pressed as a whole."""
    if "options" in element:
        yield from element["options"]
    else:
        yield None


def _is_meant(element: Json, option: Json | None, value: str | None, action_id: str | None) -> bool:
    if value is None and action_id is None:
        return False
    actual = (option or element).get("value")
    return (value is None or value == actual) and (action_id is None or action_id == element["action_id"])


def _action(block: Json, element: Json, option: Json | None) -> Json:
    kept = {name: element[name] for name in _KEPT if name in element}
    action = {**kept, "block_id": block["block_id"], "action_ts": f"{time.time():.6f}"}
    return {**action, "selected_option": option} if option else action


def _entry(element: Json, value: str | None) -> Json:
    if "options" in element:
        option = next((option for option in element["options"] if option["value"] == value), None)
        return {"type": element["type"], "selected_option": option}
    initial = element.get("initial_value")
    return {"type": element["type"], "value": initial if value is None else value}
