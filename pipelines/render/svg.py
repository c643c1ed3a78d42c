"""Makes matplotlib's SVG fit to stand inside a page: no scripts or styles, own ids, page colours, an alt text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

# Marker colours that charts draw with; on white they are good as they stand, in a page they become variables.
INK = "#1b2433"
MUTED = "#5b6675"
RULE = "#dfe4ea"
SERIES = ("#0067a5", "#c4500b", "#00795a", "#8f4b86", "#8a6a00", "#4a4f57")
_VARIABLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule"} | {c: f"--s{i}" for i, c in enumerate(SERIES, start=1)}

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_KEPT = {
    "svg",
    "g",
    "path",
    "text",
    "defs",
    "use",
    "clipPath",
    "rect",
    "circle",
    "line",
    "polyline",
    "polygon",
    "tspan",
}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def clean_svg(source: str, *, prefix: str, label: str, themed: bool) -> str:
    """Return the drawing as one `<svg>` element.

    Styles become attributes (so that a page may forbid inline styles), ids start with `prefix`, elements that
    a drawing does not need are dropped, and `label` is its title. With `themed`, colours are `var(--ink)` etc.
    """
    root = ElementTree.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", source))  # noqa: S314 - matplotlib's own output
    prefix = re.sub(r"[^A-Za-z0-9_-]", "-", prefix)
    clean = _element(root, prefix, themed)
    if clean is None:
        raise ValueError("not an SVG document")
    box = clean.attrib.get("viewBox", "0 0 100 100")
    clean.attrib = {
        "xmlns": _SVG, "viewBox": box, "role": "img", "aria-label": label, "font-family": "system-ui, sans-serif",
        "stroke-linejoin": "round", "stroke-linecap": "butt",
    }  # fmt: skip
    if not themed:
        clean.attrib |= {"width": box.split()[2], "height": box.split()[3], "style": "background:#fff"}
    return ElementTree.tostring(clean, encoding="unicode", short_empty_elements=True)


def _element(node: ElementTree.Element, prefix: str, themed: bool) -> ElementTree.Element | None:
    name = node.tag.rpartition("}")[2]
    if name not in _KEPT:
        return None
    clean = ElementTree.Element(name)
    for key, value in node.attrib.items():
        _attribute(clean, key, value, prefix)
    if themed:
        clean.attrib = {k: _colour(v) for k, v in clean.attrib.items()}
    # white space between shapes means nothing; inside text it does
    clean.text = node.text if name in ("text", "tspan") else None
    for child in node:
        kept = _element(child, prefix, themed)
        if kept is not None:
            clean.append(kept)
    return clean


def _colour(value: str) -> str:
    variable = _VARIABLES.get(value.lower())
    return f"var({variable})" if variable else value


def _attribute(clean: ElementTree.Element, key: str, value: str, prefix: str) -> None:
    name = key.rpartition("}")[2]
    if name == "style":
        for part in value.split(";"):
            prop, _, setting = part.partition(":")
            if prop.strip() == "font":  # shorthand: only the size and weight matter, the family is the page's
                size = re.search(r"([\d.]+)px", setting)
                clean.set("font-size", size[1] if size else "10")
                if "bold" in setting or "700" in setting:
                    clean.set("font-weight", "700")
            elif prop.strip():
                _attribute(clean, prop.strip(), setting.strip(), prefix)
    elif name == "id":
        if clean.tag != "g":
            clean.set("id", f"{prefix}-{value}")
    elif name == "href":
        clean.set("href", f"#{prefix}-{value.lstrip('#')}")
    elif not name.lower().startswith("on"):
        clean.set(name, _REFERENCE.sub(rf"url(#{prefix}-\1)", value))
