"""Files too large for one message: told of by the page, for the connection would close at them without a word."""

from __future__ import annotations

from IPython.display import HTML

from helpers.panels.uploads import SHARED_LIMIT

# The widget's field for files is never a part of the page, so nothing above it hears of a choice: the field itself must
# be asked, when it is opened and before the widget hears of it.
_SCRIPT = """<script>
{
  const open = HTMLInputElement.prototype.click;
  const refuse = event => {
    const megabytes = [...event.target.files].reduce((sum, file) => sum + file.size, 0) / 1e6;
    if (megabytes <= LIMIT) return;
    event.stopImmediatePropagation();
    alert(`The choice has ${Math.ceil(megabytes)} MB; up to LIMIT MB are taken at once: choose smaller files.`);
  };
  HTMLInputElement.prototype.click = function () {
    if (this.type === "file") this.addEventListener("change", refuse, true);
    open.call(this);
  };
}
</script>"""


def refuse_large_files() -> HTML:
    """What a page displays, unseen, so that it sends no upload of more than `SHARED_LIMIT` bytes in all."""
    return HTML(_SCRIPT.replace("LIMIT", str(SHARED_LIMIT // 1_000_000)))
