"""A server for one machine's own browser and programs: a file of spectra in, an answer out.

It listens on the loopback interface alone, refuses requests that name another host (a page of the Internet could make a
browser send them), and files that are larger than it was told. A file lies in a temporary folder while it is read.
"""

import re
import shutil
import tempfile
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.page.answers import show_look, show_page, to_json
from moe_exp.page.looking import look_at
from moe_exp.prediction.mixture import Mixture
from moe_exp.spectra.medium import MEDIA

LOOPBACK = "127.0.0.1"
HTML, TEXT, JSON, SCRIPT = "text/html", "text/plain", "application/json", "text/javascript"
NOT_IN_NAMES = re.compile(r"^\.+|[^\w.\- ]")
MOST_CHARACTERS = 100
"""Of a file's name, whose end tells what it is."""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'"


class PageServer(ThreadingHTTPServer):
    """Serves one model.

    Parameters
    ----------
    model : Mixture
    name : str
        What the page calls it.
    port : int
        0 for any that is free; `server_port` tells which.
    most_bytes : int
        Size of the largest file that is taken.
    """

    daemon_threads = True

    def __init__(self, model: Mixture, name: str, *, port: int, most_bytes: int) -> None:
        super().__init__((LOOPBACK, port), Handler)
        self.model, self.name, self.most_bytes = model, name, most_bytes
        self.hosts = {f"{host}:{self.server_port}" for host in (LOOPBACK, "localhost")}


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: PageServer
    timeout = 60

    def do_GET(self) -> None:  # noqa: N802 - the library calls it so
        """Send the page, or its script."""
        if not self._is_own_host():
            return
        if self.path == "/":
            page = show_page(self.server.model, self.server.name, most_bytes=self.server.most_bytes)
            self._send(HTTPStatus.OK, page, HTML)
        elif self.path == "/page.js":
            script = files("moe_exp.page").joinpath("templates", "page.js").read_text(encoding="utf-8")
            self._send(HTTPStatus.OK, script, SCRIPT)
        else:
            self._send(HTTPStatus.NOT_FOUND, "there is no such page.")

    def do_POST(self) -> None:  # noqa: N802
        """Predict the stars of the file that the request holds."""
        place = urlsplit(self.path)
        if not self._is_own_host():
            return
        if place.path != "/predict":
            self._send(HTTPStatus.NOT_FOUND, "there is no such page.")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self._send(HTTPStatus.LENGTH_REQUIRED, "the request does not say how long it is.")
        elif int(length) > self.server.most_bytes:
            said = f"the file has {int(length):,} bytes, and {self.server.most_bytes:,} are taken: use moe-exp predict."
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, said)
        else:
            self._predict(int(length), dict(parse_qsl(place.query)))

    def _predict(self, length: int, options: dict[str, str]) -> None:
        with tempfile.TemporaryDirectory(prefix="moe_exp_") as folder:
            path = Path(folder) / (NOT_IN_NAMES.sub("_", options.get("name", ""))[-MOST_CHARACTERS:] or "spectra")
            with path.open("wb") as file:
                shutil.copyfileobj(Body(self.rfile, length), file)
            try:
                answer, kind = self._answer(path, options)
            except InputError as error:
                self._send(HTTPStatus.UNPROCESSABLE_ENTITY, str(error).replace(f"{folder}/", ""))
                return
        self._send(HTTPStatus.OK, answer, kind)

    def _answer(self, path: Path, options: dict[str, str]) -> tuple[str, str]:
        medium, velocity, star = read_options(options)
        look = look_at(self.server.model, path, medium=medium, velocity=velocity)
        if JSON in self.headers.get("Accept", ""):
            return to_json(look), JSON
        return show_look(self.server.model, look, chosen=star), HTML

    def _is_own_host(self) -> bool:
        """Say whether a request is meant for this server; refuse it if not."""
        if self.headers.get("Host") in self.server.hosts:
            return True
        self._send(HTTPStatus.FORBIDDEN, "this server answers to its own machine alone.")
        return False

    def _send(self, status: HTTPStatus, text: str, kind: str = TEXT) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing of single requests."""


class Body:
    """The bytes of a request, and not those behind them."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream, self._left = stream, length

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, `size` at most if it is not negative."""
        found: bytes = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(found)
        return found


def read_options(options: dict[str, str]) -> tuple[Any, float | None, int]:
    """Return medium, velocity [km/s] and the number of the star that a request asks for.

    Raises
    ------
    InputError
        If one has another form.
    """
    medium, velocity = options.get("medium") or None, options.get("velocity") or None
    if medium is not None and medium not in MEDIA:
        raise InputError(Code.UNKNOWN_CHOICE, f"medium={medium} is neither air nor vacuum.")
    try:
        return medium, None if velocity is None else float(velocity), int(options.get("star") or 0)
    except ValueError as error:
        raise InputError(Code.WRONG_TYPE, f"velocity and star must be numbers: {error}.") from error
