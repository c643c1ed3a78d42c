"""The Grafana dashboard asks for metrics that there are, with labels that they have."""

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from store.database import open_in_memory
from store.runs import SqlRunStore
from tieout.metrics import PrometheusMeasures

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "engine.json"
WORDS = {"le", "by", "sum", "max", "min", "rate", "increase", "histogram_quantile"}


def exported() -> dict[str, set[str]]:
    """Return the names of all samples with their labels, each measured once."""
    database = open_in_memory()
    measures = PrometheusMeasures(SqlRunStore(database))
    measures.hinted(1, resent=1)
    measures.ended("research", "write", "done", 0.1)
    measures.claimed(0.1)
    families = text_string_to_metric_families(measures.text().decode())
    found: dict[str, set[str]] = {}
    for family in families:
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    database.close()
    return found


def test_every_expression_asks_for_exported_metrics_and_labels() -> None:
    known = exported()
    panels = json.loads(DASHBOARD.read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(expressions) > len(panels)
    asked = set()
    for expression in expressions:
        (name,) = set(re.findall(r"tieout_\w+", expression))
        asked.add(name)
        assert name in known, expression
        labels = set(re.findall(r"[{,(]\s*(\w+)(?==|,|\))", expression.replace("$__rate_interval", "")))
        assert labels - WORDS - {name} <= known[name], expression


def test_every_exported_metric_is_on_the_dashboard() -> None:
    text = DASHBOARD.read_text()
    assert {
        name for name in exported() if not re.search(r"_(created|sum|count|bucket)$", name) and name not in text
    } == set()


def test_panels_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in json.loads(DASHBOARD.read_text())["panels"]]
    taken = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(taken) == len(set(taken))
