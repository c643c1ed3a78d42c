(function () {
  "use strict";
  // Without this script a number's link jumps to its source at the end of the page.
  var panel = document.getElementById("panel");
  var body = document.getElementById("panel-body");
  var title = document.getElementById("panel-title");
  var last = null;

  function open(link) {
    var source = document.getElementById(link.getAttribute("href").slice(1));
    if (!source) return false;
    var copy = source.cloneNode(true);
    copy.removeAttribute("id");
    copy.removeAttribute("tabindex");
    copy.querySelectorAll("[id]").forEach(function (node) { node.removeAttribute("id"); });
    // A passage may hold several of the report's numbers: keep the mark of this one only.
    if (link.dataset.mark) {
      copy.querySelectorAll("[data-mark]").forEach(function (node) {
        if (node.dataset.mark === link.dataset.mark) return;
        if (node.tagName === "MARK") node.replaceWith(node.textContent); else node.remove();
      });
    }
    body.replaceChildren(copy);
    title.textContent = link.dataset.ref ? "Source " + link.dataset.ref : "No tie";
    if (last) last.removeAttribute("aria-current");
    last = link;
    link.setAttribute("aria-current", "true");
    panel.hidden = false;
    body.scrollTop = 0;
    document.documentElement.classList.add("with-panel");
    panel.focus({ preventScroll: true });
    return true;
  }

  function close() {
    if (panel.hidden) return;
    panel.hidden = true;
    document.documentElement.classList.remove("with-panel");
    if (last) {
      last.removeAttribute("aria-current");
      last.focus({ preventScroll: true });
      last = null;
    }
  }

  document.addEventListener("click", function (event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    var link = event.target.closest("a.n");
    if (link && open(link)) {
      event.preventDefault();
    } else if (!event.target.closest("#panel")) {
      close();
    }
  });
  document.getElementById("panel-close").addEventListener("click", close);
  document.addEventListener("keydown", function (event) { if (event.key === "Escape") close(); });

  // Closed details do not print: open them for the paper, then put them back.
  var opened = [];
  window.addEventListener("beforeprint", function () {
    close();
    opened = Array.from(document.querySelectorAll(".sources details:not([open])"));
    opened.forEach(function (node) { node.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (node) { node.open = false; });
  });
})();
