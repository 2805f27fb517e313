import os

import pytest

from helpers.engines.memory import free_memory

# Before TensorFlow is imported: what it frees goes back to the system. A worker that runs a hundred files would
# otherwise keep what the largest of them took.
os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")


@pytest.fixture(scope="module", autouse=True)
def memory_goes_back():
    """After each file, to the system."""
    yield
    free_memory()


@pytest.fixture(scope="session")
def pocket():
    """The pocket model as it ships, in the precision in which a batch's pictures are those made alone to 1 of 255.

    Shared, because its first picture takes seconds to compile.
    """
    from helpers import StableDiffusion

    return StableDiffusion("pocket", precision="float32")


@pytest.fixture
def figure(record_property):
    """`figure(text)` has a measured figure told at the end of the run, also of one on several processes."""
    return lambda text: record_property("figure", text)


def pytest_terminal_summary(terminalreporter):
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    told = {text for each in reports for name, text in getattr(each, "user_properties", ()) if name == "figure"}
    if told:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(sorted(told)))
