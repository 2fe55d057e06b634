"""What every page has around its content: one file, which loads nothing."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path

from exactformer.certificates.reports.page.section import Section
from exactformer.constructions.html import Markup, element

STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def whole_page(title: str, body: Iterable[Markup], script: str | None = None) -> str:
    """The page, as text; what is not in it does not run, whatever its content says."""
    scripts = "" if script is None else f"script-src '{_hash(script)}'; "
    policy = f"default-src 'none'; style-src '{_hash(STYLE)}'; {scripts}base-uri 'none'"
    document = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=policy),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("title", title),
            element("style", Markup(STYLE)),
        ),
        element("body", *body, *([] if script is None else [element("script", Markup(script))])),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{document}\n"


def section_html(section: Section) -> Markup:
    """A section below its title."""
    return element(
        "section",
        element("h2", section.title, id=f"{section.name}-heading"),
        section.body,
        id=section.name,
        aria_labelledby=f"{section.name}-heading",
    )


def _hash(text: str) -> str:
    """As a content security policy names what may be there."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
