// Before and after, under one divider. The divider is a range input, which fingers and keyboards know.
function render({ model, el }) {
  const stage = document.createElement("div");
  stage.className = "divider-stage";
  const [before, after] = ["before", "after"].map((name) => {
    const image = document.createElement("img");
    image.className = `divider-${name}`;
    stage.append(image);
    return image;
  });
  const line = document.createElement("div");
  line.className = "divider-line";
  const range = document.createElement("input");
  Object.assign(range, { type: "range", min: 0, max: 100, step: 1, value: 0, className: "divider-range" });
  range.setAttribute("data-lm-suppress-shortcuts", "true");
  stage.append(line, range);
  el.append(stage);

  function move() {
    before.style.clipPath = `inset(0 ${100 - range.value}% 0 0)`;
    line.style.left = `${range.value}%`;
  }
  function take() {
    [before.src, after.src] = [model.get("before"), model.get("after")];
    before.alt = model.get("before_alt");
    after.alt = model.get("after_alt");
    range.setAttribute("aria-label", `How much of before is seen: ${after.alt}`);
    stage.style.width = `${model.get("width")}px`;
  }
  range.addEventListener("input", move);
  const names = "change:before change:after change:before_alt change:after_alt change:width";
  model.on(names, take);
  take();
  move();
  return () => model.off(names, take);
}

export default { render };
