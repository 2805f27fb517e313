"""The pages of the folder `pages`, each visitor's in a kernel of its own, by Voila."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import tornado.ioloop
import tornado.web
from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from traitlets.config import Config
from voila.app import Voila
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler
from voila.voila_identity_provider import VoilaIdentityProvider

from helpers.app.shared_model import ADDRESS, serve
from helpers.panels.uploads import SHARED_LIMIT

PAGES = Path(__file__).parent / "pages"
FIRST = "generation.ipynb"
ROOT = Path(__file__).resolve().parents[2]
HERE = ("localhost", "127.0.0.1", "::1")
# Seconds that a page may lose its connection for. Longer than a phone's change of network: the drawing goes on.
AWAY = 20


def run(model, host: str = "localhost", port: int = 8866) -> None:
    """Serves pages for a `StableDiffusion` until it is interrupted.

    host: the name or address of this machine to listen on; any but "localhost" takes a token, which is printed.
    """
    with tempfile.TemporaryDirectory() as folder:  # which only this user can open
        os.environ[ADDRESS] = f"{folder}/model"
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        with serve(model, os.environ[ADDRESS]):
            Pages.launch_instance(argv=[], config=config(host, port))


def config(host: str, port: int) -> Config:
    """Voila's settings."""
    here = host in HERE
    settings = Config()
    settings.Voila.ip = "127.0.0.1" if host == "localhost" else host
    settings.Voila.port, settings.Voila.port_retries = port, 0
    settings.Voila.root_dir = str(PAGES)
    settings.Voila.open_browser = False
    settings.Voila.auto_token = not here
    settings.Voila.identity_provider_class = TokenProvider
    settings.Voila.tornado_settings = {
        # an upload comes as one message; what is a little too large still comes, and is told so
        "websocket_max_message_size": SHARED_LIMIT * 5 // 4,
        # here, pages of other sites cannot pretend to be this machine by a name of theirs
        "allow_remote_access": not here,
    }
    # nothing in a kernel is worth waiting for
    settings.KernelManager.shutdown_wait_time = 0.5
    # a page that was closed before it was whole never had a connection to lose
    settings.MappingKernelManager.cull_idle_timeout, settings.MappingKernelManager.cull_interval = 120, 30
    return settings


class TokenProvider(VoilaIdentityProvider):
    """Lets nobody in without the token, instead of asking for it."""

    async def get_user(self, handler):
        user = await self._get_user(handler)
        if user is None:
            handler.current_user = handler._jupyter_current_user = None  # the page that tells the error looks at it
            raise tornado.web.HTTPError(403, "Open the whole address, with the token.")
        return user


class PageHandler(TornadoVoilaHandler):
    async def prepare(self):
        await super().prepare()
        # A page that is closed says so by a message with the cookie of this token. Voila does not give the cookie, and
        # then refuses the message. Given here, the message passes the check that all other messages must pass.
        self.xsrf_token  # noqa: B018


class ConnectionHandler(VoilaKernelWebsocketHandler):
    """Ends the kernel of a page that has gone without a word: a crash, a phone's closed lid."""

    open_now: dict[str, int] = {}

    async def open(self, kernel_id):
        self.open_now[kernel_id] = self.open_now.get(kernel_id, 0) + 1
        await super().open(kernel_id)

    def on_close(self):
        super().on_close()
        self.open_now[self.kernel_id] -= 1
        tornado.ioloop.IOLoop.current().call_later(AWAY, self._end_if_gone)

    async def _end_if_gone(self):
        if not self.open_now.get(self.kernel_id):
            self.open_now.pop(self.kernel_id, None)
            if self.kernel_id in self.kernel_manager:
                await ensure_async(self.kernel_manager.shutdown_kernel(self.kernel_id, now=True))


class StartHandler(JupyterHandler):
    """From the address alone to the first page."""

    @tornado.web.authenticated
    async def get(self):
        self.redirect(url_path_join(self.base_url, "voila/render", FIRST))


class Pages(Voila):
    def init_handlers(self):
        ours = {"TornadoVoilaHandler": PageHandler, "VoilaKernelWebsocketHandler": ConnectionHandler}
        theirs = super().init_handlers()
        handlers = [(path, ours.get(handler.__name__, handler), *more) for path, handler, *more in theirs]
        return [(self.server_url, StartHandler), *handlers]

    def listen(self):
        # once it listens; what follows there runs until the end
        tornado.ioloop.IOLoop.current().add_callback(lambda: print(f"The pages are at {self.display_url}", flush=True))
        super().listen()
