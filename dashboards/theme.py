"""One look for all pages: light and dark, from a phone's width on, without a request to another host."""

from __future__ import annotations

CSS = """
:root { --paper: #fff; --ink: #1b1f24; --soft: #59636e; --line: #d8dee4; --brand: #0b57d0; --panel: #f6f8fa }
:root[data-theme=dark] { --paper: #0f1419; --ink: #e6edf3; --soft: #9198a1; --line: #30363d; --brand: #79b8ff;
  --panel: #161b22; color-scheme: dark }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
.bar { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: center; padding: .6rem 1rem;
  border-bottom: 1px solid var(--line); background: var(--panel) }
.bar b { font-size: 1.05rem } .bar nav { display: flex; flex-wrap: wrap; gap: .15rem; flex: 1 }
.bar nav a { color: var(--ink); text-decoration: none; padding: .3rem .6rem; border-radius: .4rem }
.bar nav a[aria-current] { background: var(--brand); color: var(--paper) }
.bar small { color: var(--soft) } .bar button { font: inherit; font-size: .85rem; color: var(--ink); background: none;
  border: 1px solid var(--line); border-radius: .4rem; padding: .2rem .6rem; cursor: pointer }
a:focus-visible, button:focus-visible { outline: 3px solid #f9ab00; outline-offset: 1px }
.skip { position: absolute; left: -99rem } .skip:focus { left: 1rem; top: .5rem }
main { padding: 1rem; max-width: 84rem; margin: 0 auto } h1 { font-size: 1.35rem; margin: .2rem 0 1rem }
#lost { display: none; background: #9a6700; color: #fff; padding: .4rem 1rem }
"""

WIDGETS = """
:host { color: var(--ink); font-size: 14px; max-width: calc(100vw - 3.75rem) !important }
.bk-input, select.bk-input, textarea.bk-input { background-color: var(--paper) !important; color: var(--ink) !important;
  border: 1px solid var(--line) !important }
.bk-input::placeholder { color: var(--soft); opacity: 1 }
.bk-btn { background: var(--panel) !important; color: var(--ink) !important; border: 1px solid var(--line) !important }
.bk-btn:hover:not([disabled]) { border-color: var(--ink) !important }
.bk-btn-primary { background: var(--brand) !important; color: var(--paper) !important }
.bk-btn-danger { background: #b42318 !important; color: #fff !important }
.bk-btn[disabled] { opacity: .55 } label, .bk-input-group label { color: var(--ink) }
.bk-input:focus-visible, .bk-btn:focus-visible { outline: 3px solid #f9ab00 !important; outline-offset: 1px }
.bk-tab { color: var(--soft) } .bk-tab.bk-active { color: var(--ink) !important; background: var(--panel) !important }
.bk-clear { color: var(--ink) } .bk-spin-btn { display: none !important }
.choices__inner, .choices__list--dropdown, .choices__input { background: var(--paper) !important;
  color: var(--ink) !important; border-color: var(--line) !important }
.choices__list--multiple .choices__item { background: var(--brand) !important; color: var(--paper) !important }
.choices__list--dropdown .choices__item--selectable.is-highlighted { background: var(--panel) !important }
"""

SHELL = """
{% extends base %}
{% block postamble %}
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{{ css }}</style>
<script>
  const kept = localStorage.getItem("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = kept || (dark ? "dark" : "light");
</script>
{% endblock %}
{% block contents %}
<a class="skip" href="#main">To the page</a>
<div class="bar">
  <b>tieout</b>
  <nav aria-label="Pages">
    {% for one in menu %}
    <a href="{{ one.path }}"{% if one.here %} aria-current="page"{% endif %}>{{ one.title }}</a>
    {% endfor %}
  </nav>
  <small>{{ who | e }}</small>
  <button id="theme" type="button">Light or dark</button>
  <form method="post" action="/sign-out"><button>Sign out</button></form>
</div>
<div id="lost" role="status">The connection is gone; this page catches up when it is back.</div>
{{ embed(roots.location) }}
<main id="main"><h1>{{ heading | e }}</h1>{{ embed(roots.body) }}</main>
<script>
  document.getElementById("theme").onclick = () => {
    const root = document.documentElement.dataset;
    root.theme = root.theme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", root.theme);
  };
</script>
{% endblock %}
"""
