"""A file from the web, within limits of size and time."""

from __future__ import annotations

import multiprocessing.pool
import time

from helpers.address import ADDRESS

# As Wikimedia's User-Agent policy words it, and other sites accept: client/version (contact) library/version. A
# library's own name alone, or a browser's, is refused by some.
CLIENT = "stable-diffusion-notebooks/0.1.0"


def download(url: str, max_bytes: int, timeout: float) -> bytearray:
    """The bytes at an http(s) address; max_bytes and timeout are those of `load_image`, and so is what is raised."""
    import requests
    import urllib3

    body, deadline = bytearray(), time.monotonic() + timeout
    agent = f"{CLIENT} ({ADDRESS}) python-requests/{requests.__version__}"
    # Some sites send a web page unless asked for a picture.
    headers = {"User-Agent": agent, "Accept": "image/*", "Accept-Encoding": "identity"}

    def fetch():
        with requests.get(url, stream=True, timeout=timeout, headers=headers) as answer:
            answer.raise_for_status()
            if "html" in answer.headers.get("Content-Type", "").lower():
                raise ValueError(f"'{url}' is a web page; copy the address of the picture itself.")
            # read1 returns what has come; read would wait for a slow server to fill the whole buffer.
            while piece := answer.raw.read1(65536, decode_content=True):
                body.extend(piece)
                if len(body) > max_bytes:
                    raise ValueError(f"'{url}' is over max_bytes={max_bytes:,}; shrink the picture, or raise that.")
                if time.monotonic() > deadline:
                    raise requests.Timeout
        return body

    # `requests` limits each wait, not their sum. This limits the sum, and its thread does not keep Python from ending.
    pool = multiprocessing.pool.ThreadPool(1)
    try:
        return pool.apply_async(fetch).get(timeout)
    except (multiprocessing.TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError):
        raise TimeoutError(f"'{url}' took longer than timeout={timeout:g} s; try again, or raise that.") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise OSError(f"'{url}' could not be fetched over http(s) ({error}); check the address.") from error
    finally:
        pool.close()
