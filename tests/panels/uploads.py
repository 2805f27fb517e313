"""What a browser puts into a FileUpload, as ipywidgets 7 and 8 have it."""

import datetime

import ipywidgets


def uploaded(*contents: bytes):
    """The widget's value after files of these contents were chosen."""
    names = [f"photo-{number}.png" for number in range(len(contents))]
    if ipywidgets.__version__.startswith("7"):
        return {name: {"metadata": {"name": name}, "content": each} for name, each in zip(names, contents)}
    rest = {"type": "image/png", "last_modified": datetime.datetime.now(datetime.timezone.utc)}
    files = zip(names, contents)
    return tuple(rest | {"name": name, "size": len(each), "content": memoryview(each)} for name, each in files)
