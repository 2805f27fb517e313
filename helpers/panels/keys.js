// For a whole panel: Ctrl+Enter in its prompt, Escape anywhere in it, names for its sliders, whose handles have none, and
// files for whoever looks at it.
function name(panel) {
  for (const handle of panel.querySelectorAll(".noUi-handle:not([aria-label])")) {
    const label = handle.closest(".widget-slider, .widget-hslider, .widget-vslider")?.querySelector("label");
    const axis = handle.getAttribute("aria-orientation") === "vertical" ? "y" : "x";
    const end = handle.classList.contains("noUi-handle-upper") ? "end" : "start";
    handle.setAttribute("aria-label", (label && label.textContent.trim()) || `${axis} ${end}`);
  }
}

function download(said, buffers) {
  if (said.what !== "download") return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([buffers[0]], { type: "image/png" }));
  link.download = said.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000); // a browser may ask first
}

function render({ model, el }) {
  el.style.display = "none";
  function pressed(event) {
    const panel = el.closest(".studio");
    if (!panel || !panel.contains(event.target)) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest(".studio-prompt")) {
      // with the text, because the last letters typed may still be on their way
      model.send({ what: "generate", text: event.target.value });
    } else if (event.key === "Escape") {
      model.send({ what: "stop" });
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
  const watcher = new MutationObserver(() => el.closest(".studio") && name(el.closest(".studio")));
  const waiting = setInterval(() => {
    const panel = el.closest(".studio");
    if (!panel) return; // not on the page yet
    clearInterval(waiting);
    watcher.observe(panel, { childList: true, subtree: true });
    name(panel);
  }, 100);
  document.addEventListener("keydown", pressed, true);
  model.on("msg:custom", download);
  return () => {
    model.off("msg:custom", download);
    clearInterval(waiting);
    watcher.disconnect();
    document.removeEventListener("keydown", pressed, true);
  };
}

export default { render };
