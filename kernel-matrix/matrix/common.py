# SPDX-License-Identifier: LGPL-2.1-or-later
"""Errors for people, and strict reading of the files that people write."""

import json
from pathlib import Path

import yaml

HOME = Path(__file__).resolve().parent.parent
TOP = HOME.parent


class Trouble(Exception):
    """One line: FIELD: cannot VERB "X": REASON."""

    def __init__(self, field: str, verb: str, what: object, reason: str):
        super().__init__(f'{field}: cannot {verb} "{what}": {reason}')


class UniqueKeys(yaml.SafeLoader):
    """A key that is there twice would lose one of its values."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key} is there twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def load(path: Path, schema: str) -> dict:
    """Reads a YAML or JSON document of that schema."""
    try:
        with open(path, encoding="utf-8") as f:
            # A document of a run is long, and the reader of YAML slow.
            document = json.load(f) if path.suffix == ".json" else yaml.load(f, UniqueKeys)
    except OSError as e:
        raise Trouble("file", "read", path, e.strerror) from e
    except (yaml.YAMLError, ValueError) as e:
        raise Trouble("file", "read", path, " ".join(str(e).split())) from e
    if not isinstance(document, dict) or document.get("schema") != schema:
        raise Trouble("file", "read", path, f"its schema is not {schema}")
    return document


def keys(what: str, value: object, needed: set[str], allowed: set[str] = frozenset()) -> dict:
    """The mapping, if it has all keys that are needed and no others than those allowed."""
    if not isinstance(value, dict):
        raise Trouble(what, "use", value, "a mapping is wanted")
    for key in needed - set(value):
        raise Trouble(what, "use", key, "it is missing")
    for key in set(value) - needed - allowed:
        raise Trouble(what, "use", key, "there is no such key")
    return value


def text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise Trouble(what, "use", value, "a text is wanted; put it in quotes")
    return value


def texts(what: str, value: object) -> list[str]:
    if not isinstance(value, list) or not value:
        raise Trouble(what, "use", value, "a list of texts is wanted")
    return [text(what, v) for v in value]
