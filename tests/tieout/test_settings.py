"""Settings: where they come from, what is refused, and that secrets stay secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tieout.errors import InvalidInput
from tieout.model import Limit
from tieout.settings import Settings, masked, read_settings, without_credentials


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder without settings, in an environment without them."""
    import os

    for name in [name for name in os.environ if name.startswith("TIEOUT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_given_comes_before_environment_env_file_and_toml(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / "tieout.toml").write_text('workspace = "toml"\nprincipal = "toml"\nworkers = 2\nport = 1\n')
    (empty_folder / ".env").write_text("TIEOUT_PRINCIPAL=dotenv\nTIEOUT_WORKERS=3\nTIEOUT_PORT=2\n")
    monkeypatch.setenv("TIEOUT_WORKERS", "5")
    monkeypatch.setenv("TIEOUT_PORT", "3")
    settings = read_settings(port=4)
    assert (settings.workspace, settings.principal, settings.workers, settings.port) == ("toml", "dotenv", 5, 4)


def test_a_home_with_a_tilde_is_resolved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_settings().folder == tmp_path / ".tieout"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKERS", "many"),
        ("WORKERS", "0"),
        ("PROFILE", "cloud"),
        ("WORKSPACE", "../other"),
        ("WORKSPACE", ""),
        ("EMBEDDING_DIMENSIONS", "-1"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"TIEOUT_{name}", value)
    with pytest.raises(InvalidInput, match=f"TIEOUT_{name}") as refused:
        read_settings()
    assert value not in ("many", "cloud", "../other") or value not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        {"profile": "team"},
        {"model": "m"},
        {"embeddings": "openai"},
        {"embeddings": "openai", "embedding_model": "m"},
        {"embeddings": "openai", "embedding_model": "m", "embedding_dimensions": 4},
    ],
)
def test_settings_that_need_another_one_say_so(given: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="TIEOUT_"):
        read_settings(**given)


# ---------------------------------------------------------------- limits


def test_limits_come_as_json_from_the_environment_or_as_tables(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / "tieout.toml").write_text(
        '[limits.model]\nper_s = 0.5\nburst = 3\n[limits."workspace:*"]\nconcurrency = 2\n[limits."workspace:vip"]\n'
    )
    settings = read_settings()
    assert settings.limits == {
        "model": Limit(per_s=0.5, burst=3),
        "workspace:*": Limit(concurrency=2),
        "workspace:vip": Limit(),
    }
    assert masked(settings)["limits"]["workspace:*"] == {"concurrency": 2, "per_s": None, "burst": 1}
    json.dumps(masked(settings))
    monkeypatch.setenv("TIEOUT_LIMITS", '{"model": {"concurrency": 1}}')
    assert read_settings().limits["model"].concurrency == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nonsense", "JSON"),
        ("[]", "dictionary"),
        ('{"model": 3}', "model"),
        ('{"model": {"concurency": 2}}', "no 'concurency'"),
        ('{"model": {"concurrency": 0}}', "at least 1"),
        ('{"model": {"concurrency": 1.5}}', "concurrency"),
        ('{"model": {"per_s": -1}}', "above zero"),
        ('{"model": {"per_s": NaN}}', "is a number"),
        ('{"model": {"per_s": Infinity}}', "is a number"),
        ('{"model": {"burst": 0}}', "at least 1"),
        ('{"workspace:../other": {}}', "workspace:NAME"),
        ('{"workspace:": {}}', "workspace:NAME"),
        ('{"": {}}', "printable"),
    ],
)
def test_a_limit_that_would_not_limit_is_refused(monkeypatch: pytest.MonkeyPatch, text: str, why: str) -> None:
    monkeypatch.setenv("TIEOUT_LIMITS", text)
    with pytest.raises(InvalidInput, match="TIEOUT_LIMITS") as refused:
        read_settings()
    assert why in str(refused.value)


def test_a_broken_settings_file_is_a_clear_error(empty_folder: Path) -> None:
    (empty_folder / "tieout.toml").write_text("workers = = 3\n")
    with pytest.raises(InvalidInput, match=r"tieout\.toml"):
        read_settings()


def test_no_secret_is_shown() -> None:
    kinds = ("_key", "_token", "_secret")
    secrets = {name: f"{name}-hush" for name in Settings.model_fields if name.endswith(kinds)}
    urls = {"database_url": "postgresql://u:hidden@db/x", "redis_url": "redis://:hidden@r"}
    settings = read_settings(**secrets, **urls, qdrant_url="http://u:hidden@q:6333/?api=hidden")
    text = str(masked(settings)) + repr(settings)
    assert "hush" not in str(masked(settings))
    assert "hidden" not in str(masked(settings))
    assert all(value not in text for value in secrets.values())
    assert set(masked(settings)) == set(Settings.model_fields)


def test_a_url_is_shown_without_its_password() -> None:
    assert without_credentials("postgresql://u:p%40w@db:5432/x?sslkey=k") == "postgresql://db:5432/x"
    assert without_credentials("http://localhost:1/v1") == "http://localhost:1/v1"
