"""What is under deploy/ names metrics, settings and commands that exist."""

import re
from pathlib import Path

import pytest
import yaml

from dispatch.cli import COMMANDS
from dispatch.metrics import Metrics
from dispatch.settings import load_settings

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_alerts_are_about_metrics_and_labels_that_exist() -> None:
    families = {family.name: family for family in Metrics().registry.collect()}
    alerts = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text("utf-8"))
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]
    assert rules
    for rule in rules:
        used = re.findall(r"\bdispatch_[a-z_]+", rule["expr"])
        assert used
        for name in used:
            assert name.removesuffix("_total") in families, rule["alert"]
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert {"summary", "what_to_do"} <= rule["annotations"].keys()


def test_the_unit_starts_a_worker_with_settings_that_exist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unit = (DEPLOY / "systemd" / "dispatch-worker@.service").read_text("utf-8")
    (command,) = re.findall(r"^ExecStart=\S+/dispatch (?:--config \S+ )?(\w+)$", unit, re.MULTILINE)
    assert command in COMMANDS
    for name, value in re.findall(r"^Environment=(\w+)=(\S+)$", unit, re.MULTILINE):
        monkeypatch.setenv(name, value.replace("%i", "1"))
    assert load_settings().web.port == 9461
