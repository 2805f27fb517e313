// A picture that can be touched: a frame to drag by its inside and its corners, and a brush.
// Everything is told to Python in pixels of the picture, counted from its bottom-left corner.
const GRID = 16; // points of a stroke are told to a sixteenth of a pixel
const VEIL = "rgba(255, 45, 149, 0.6)";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };
const CORNERS = { "bottom left": [0, 0], "bottom right": [1, 0], "top left": [0, 1], "top right": [1, 1] };
const clamp = (value, low, high) => Math.max(low, Math.min(value, high));

// The frame [x, y, width, height] with its inside (corner null) or one corner moved by so many pixels.
function moved([x, y, width, height], corner, dx, dy, [limitX, limitY], least, ratio) {
  if (!corner) {
    return [clamp(Math.round(x + dx), 0, limitX - width), clamp(Math.round(y + dy), 0, limitY - height), width, height];
  }
  const [right, top] = corner;
  const roomX = right ? limitX - x : x + width;
  const roomY = top ? limitY - y : y + height;
  let wide = clamp(Math.round(width + (right ? dx : -dx)), Math.min(least, roomX), roomX);
  let high = clamp(Math.round(height + (top ? dy : -dy)), Math.min(least, roomY), roomY);
  if (ratio) {
    const free = clamp(Math.max(high, wide / ratio), least * Math.max(1, 1 / ratio), Math.min(roomY, roomX / ratio));
    high = clamp(Math.round(free), 1, roomY);
    wide = clamp(Math.round(free * ratio), 1, roomX);
  }
  return [right ? x : x + width - wide, top ? y : y + height - high, wide, high];
}

function element(kind, className, parent, attributes = {}) {
  const made = document.createElement(kind);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

function render({ model, el }) {
  const get = (name) => model.get(name);
  const stage = element("div", "touchable-stage", el, { "data-lm-suppress-shortcuts": "true" });
  const image = element("img", "touchable-picture", stage, { draggable: "false" });
  const shadeBox = element("div", "touchable-shades", stage);
  const shade = element("div", "touchable-shade", shadeBox);
  const canvas = element("canvas", "touchable-veil", stage);
  const frame = element("div", "touchable-frame", stage, { role: "group", tabindex: "0" });
  const corners = Object.entries(CORNERS).map(([name, corner]) => {
    const button = element("button", `touchable-corner ${name.replace(" ", "-")}`, frame, { type: "button" });
    return Object.assign(button, { corner, place: name });
  });
  const ring = element("div", "touchable-ring", stage);
  const veil = new Image();
  let shown = get("frame"); // as it is seen; while it is dragged it runs ahead of Python
  let drag = null;
  let stroke = null;
  let pen = null; // where the keyboard's brush is
  let told = 0; // the number of the last stroke
  let waiting = []; // strokes that Python has not answered yet

  const answered = () => Number(get("veil").split("#")[1] || 0); // the last stroke that is in the veil
  const painting = () => get("tool") !== "frame";
  const send = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };

  function place() {
    const [limitX, limitY] = get("size");
    const [x, y, width, height] = shown;
    const spot = {
      left: `${(100 * x) / limitX}%`,
      bottom: `${(100 * y) / limitY}%`,
      width: `${(100 * width) / limitX}%`,
      height: `${(100 * height) / limitY}%`,
    };
    Object.assign(frame.style, spot);
    Object.assign(shade.style, spot);
    const where = `x ${x} to ${x + width}, y ${y} to ${y + height}`;
    image.alt = `${get("what")} of ${limitX} × ${limitY} pixels; chosen is ${where}`;
    frame.setAttribute("aria-label", `${get("what")}, frame: ${where}. Arrow keys move it, with Shift by tens`);
    for (const each of corners) each.setAttribute("aria-label", `${each.place} corner: arrow keys move it`);
  }

  function dress() {
    const [limitX, limitY] = get("size");
    const scale = get("longest") / Math.max(limitX, limitY);
    stage.style.width = `${Math.max(1, Math.round(limitX * scale))}px`;
    stage.style.height = `${Math.max(1, Math.round(limitY * scale))}px`;
    stage.classList.toggle("painting", painting());
    stage.classList.toggle("dims", get("dims"));
    frame.classList.toggle("round", get("outline") === "ellipse");
    frame.hidden = get("outline") === "none" || painting();
    if (painting()) {
      stage.tabIndex = 0;
      stage.setAttribute("role", "group");
      const what = get("tool") === "erase" ? "rubber" : "brush";
      const how = "Arrow keys move it, with Shift by tens; Space puts it down and lifts it; + and − change its size";
      stage.setAttribute("aria-label", `${get("what")}, ${what}. ${how}`);
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) stage.removeAttribute(name);
      ring.hidden = true;
    }
    place();
    draw();
  }

  function trace(context, { points, size, erase }) {
    const [limitX, limitY] = get("size");
    const scale = canvas.width / limitX;
    context.globalCompositeOperation = erase ? "destination-out" : "source-over";
    context.strokeStyle = context.fillStyle = VEIL;
    if (erase) context.strokeStyle = "black";
    context.lineWidth = Math.max(size, Math.SQRT2) * scale;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    const [[x, y]] = points;
    context.moveTo(x * scale, (limitY - y) * scale);
    for (const [x, y] of points) context.lineTo(x * scale, (limitY - y) * scale);
    context.stroke();
  }

  function draw() {
    const pixels = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(stage.clientWidth * pixels));
    const height = Math.max(1, Math.round(stage.clientHeight * pixels));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.globalCompositeOperation = "source-over";
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    if (get("veil") && veil.complete && veil.naturalWidth) context.drawImage(veil, 0, 0, width, height);
    for (const each of waiting) trace(context, each);
    if (stroke) trace(context, stroke);
  }

  // Where an event is, in pixels of the picture from its bottom-left corner.
  function point(event) {
    const box = image.getBoundingClientRect();
    const [limitX, limitY] = get("size");
    return [((event.clientX - box.left) * limitX) / box.width, ((box.bottom - event.clientY) * limitY) / box.height];
  }
  const onGrid = (place) => place.map((value) => Math.round(value * GRID) / GRID);

  function showRing(place) {
    const [limitX, limitY] = get("size");
    const size = (100 * get("brush")) / limitX;
    Object.assign(ring.style, { left: `${(100 * place[0]) / limitX}%`, bottom: `${(100 * place[1]) / limitY}%` });
    Object.assign(ring.style, { width: `${size}%`, display: "block" });
    ring.hidden = false;
  }

  function add(place) {
    const last = stroke.points[stroke.points.length - 1];
    const next = onGrid(place);
    if (!last || last[0] !== next[0] || last[1] !== next[1]) stroke.points.push(next);
  }
  const begin = (place) => {
    stroke = { points: [], size: get("brush"), erase: get("tool") === "erase" };
    add(place);
    draw();
  };
  function finish() {
    told = Math.max(told, answered()) + 1;
    waiting.push({ ...stroke, number: told });
    model.send({ what: "stroke", number: told, points: stroke.points, size: stroke.size, erase: stroke.erase });
    stroke = null;
    draw();
  }

  function down(event) {
    if (event.button !== 0 || drag || stroke) return;
    if (painting()) {
      begin(point(event));
    } else {
      const corner = event.target.corner;
      if (!corner && event.target !== frame) return;
      drag = { corner, from: point(event), frame: shown };
      (corner ? event.target : frame).focus({ preventScroll: true });
    }
    stage.setPointerCapture(event.pointerId);
    event.preventDefault();
  }
  function move(event) {
    const at = point(event);
    if (painting()) showRing(at);
    if (stroke) {
      const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      for (const each of all.length ? all : [event]) add(point(each));
      draw();
    } else if (drag) {
      const { corner, from, frame: before } = drag;
      follow(moved(before, corner, at[0] - from[0], at[1] - from[1], get("size"), get("least"), get("ratio")));
    }
  }
  function up(event) {
    if (stroke) {
      if (event.type === "pointerup") add(point(event));
      finish();
    }
    drag = null;
    shown = get("frame");
    place();
  }
  function follow(next) {
    shown = next;
    place();
    if (next.some((value, i) => value !== get("frame")[i])) send("frame", next);
  }

  function resize(by) {
    const most = Math.max(...get("size"));
    const size = get("brush");
    send("brush", clamp(Math.round(by > 0 ? Math.max(size + 1, size * 1.15) : size / 1.15), 1, most));
  }
  function wheel(event) {
    if (!painting()) return;
    event.preventDefault();
    resize(-event.deltaY);
    showRing(point(event));
  }
  function key(event) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
      model.send({ what: event.shiftKey ? "redo" : "undo" });
    } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "y") {
      model.send({ what: "redo" });
    } else if (event.key in ARROWS) {
      const [dx, dy] = ARROWS[event.key].map((way) => way * (event.shiftKey ? 10 : 1));
      if (painting()) {
        const [limitX, limitY] = get("size");
        pen = pen || [limitX / 2, limitY / 2];
        pen = [clamp(pen[0] + dx, 0, limitX), clamp(pen[1] + dy, 0, limitY)];
        showRing(pen);
        if (stroke) {
          add(pen);
          draw();
        }
      } else {
        const corner = event.target.corner;
        follow(moved(shown, corner, dx, dy, get("size"), get("least"), get("ratio")));
      }
    } else if (painting() && event.key === " ") {
      pen = pen || get("size").map((length) => length / 2);
      showRing(pen);
      if (stroke) finish();
      else begin(pen);
    } else if (painting() && (event.key === "+" || event.key === "-")) {
      resize(event.key === "+" ? 1 : -1);
      if (pen) showRing(pen);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, up);
  stage.addEventListener("pointerdown", down);
  stage.addEventListener("pointermove", move);
  stage.addEventListener("pointerleave", () => (ring.hidden = true));
  stage.addEventListener("focus", () => painting() && stage.matches(":focus-visible") && showRing(pen || get("size").map((length) => length / 2)));
  stage.addEventListener("wheel", wheel, { passive: false });
  stage.addEventListener("keydown", key);

  const heard = {
    "change:picture": () => (image.src = get("picture")),
    "change:frame": () => {
      if (drag) return;
      shown = get("frame");
      place();
    },
    "change:veil": () => (veil.src = get("veil")),
    "change:size change:tool change:outline change:dims change:what": dress,
  };
  for (const [names, handler] of Object.entries(heard)) model.on(names, handler);
  veil.addEventListener("load", () => {
    waiting = waiting.filter(({ number }) => number > answered());
    stage.dataset.answered = answered();
    draw();
  });
  const watcher = new ResizeObserver(draw);
  watcher.observe(stage);
  image.src = get("picture");
  if (get("veil")) veil.src = get("veil");
  dress();
  send("ready", true);
  return () => {
    watcher.disconnect();
    for (const [names, handler] of Object.entries(heard)) model.off(names, handler);
  };
}

export default { render };
