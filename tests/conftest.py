import pytest


@pytest.fixture(scope="session")
def pocket():
    """The pocket model as it ships; shared, because its first picture takes seconds to compile."""
    from helpers import StableDiffusion

    return StableDiffusion("pocket")
