// Keys for a whole panel: Ctrl+Enter in its prompt, and Escape anywhere in it.
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
  document.addEventListener("keydown", pressed, true);
  return () => document.removeEventListener("keydown", pressed, true);
}

export default { render };
