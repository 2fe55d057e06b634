"""Pages in a browser: headless Chromium runs the script, in light and dark, without an error; skipped without one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from exactformer.certificates.reports.page.page import page_of
from exactformer.certificates.reports.page.source import read_source
from tests.reports.made import Made
from tests.reports.parsed import parsed

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed: pages were not opened in a browser"),
    pytest.mark.usefixtures("walked_once"),
]
OfTitle = Callable[[str], Made]
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)
DARK = "--blink-settings=preferredColorScheme=0"


def browsed(folder: Path, address: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(CHROMIUM), *QUIET, f"--user-data-dir={folder / 'profile'}", *options, address]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.fixture
def page(of_title: OfTitle, tmp_path: Path) -> Path:
    file = tmp_path / "page.html"
    file.write_text(page_of(read_source(of_title("runs, refuted").path)), encoding="utf-8")
    return file


def test_a_token_that_has_the_focus_has_its_arrows(page: Path, tmp_path: Path) -> None:
    done = browsed(tmp_path, f"file://{page}#token-5", "--dump-dom")
    assert "CONSOLE" not in done.stderr  # no error, and nothing that the policy refused
    top = parsed(done.stdout.replace("<!DOCTYPE html>", ""))
    (chosen,) = [one for one in top.all("button") if "chosen" in (one.attributes["class"] or "")]
    assert chosen.attributes["data-token"] == "5"
    assert [one.attributes.get("tabindex") for one in top.all("button")].count("0") == 1
    assert chosen.text in top.named("selected").text
    said = top.named("selected").text
    assert "Heads select: layer" in said
    arrows = [one for one in top.all("svg") if one.attributes.get("aria-hidden") == "true"]
    assert arrows[0].all("path")
    targets = [one for one in top.all("button") if "target" in (one.attributes["class"] or "")]
    assert targets


def test_nothing_is_chosen_before(page: Path, tmp_path: Path) -> None:
    top = parsed(browsed(tmp_path, f"file://{page}", "--dump-dom").stdout.replace("<!DOCTYPE html>", ""))
    assert not [one for one in top.all("button") if "chosen" in (one.attributes["class"] or "")]
    assert top.named("selected").text == "No token is chosen."


def test_light_and_dark_pages_differ(page: Path, tmp_path: Path) -> None:
    for name, option in (("light", "--blink-settings=preferredColorScheme=1"), ("dark", DARK)):
        shot = tmp_path / f"{name}.png"
        browsed(tmp_path, f"file://{page}", option, "--window-size=800,600", f"--screenshot={shot}")
    light, dark = ((tmp_path / f"{name}.png").read_bytes() for name in ("light", "dark"))
    assert light.startswith(b"\x89PNG")
    assert light != dark
