"""MLflow's own server in a thread, behind a door that drops connections: each request is lost, then its answer."""

import shutil
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from mlflow.server.constants import (
    ARTIFACT_ROOT_ENV_VAR,
    ARTIFACTS_DESTINATION_ENV_VAR,
    BACKEND_STORE_URI_ENV_VAR,
    SERVE_ARTIFACTS_ENV_VAR,
)
from werkzeug.serving import WSGIRequestHandler, make_server


class _Silent(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass

    def connection_dropped(self, *_: object) -> None:
        pass


class _Door:
    """Of each kind of request the first is dropped before the server hears of it, the second when it has done it."""

    def __init__(self, app) -> None:
        self._app, self._asked, self.is_open = app, Counter(), False
        self.dropped: list[str] = []

    def __call__(self, environ, start_response):
        kind = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        self._asked[kind] += 1
        drop = not self.is_open and self._asked[kind] < 3
        body = [] if drop and self._asked[kind] == 1 else list(self._app(environ, start_response))
        if drop:
            self.dropped.append(kind)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError
        return body


@contextmanager
def unsteady_server(folder: Path, fresh_store: Path) -> Iterator[tuple[str, _Door]]:
    """Give the address of a server that keeps all in a folder, and the door that one may open."""
    folder.mkdir()
    shutil.copy(fresh_store, folder / "mlflow.db")
    variables = {
        BACKEND_STORE_URI_ENV_VAR: f"sqlite:///{folder}/mlflow.db",
        ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
        ARTIFACTS_DESTINATION_ENV_VAR: str(folder / "kept"),
        SERVE_ARTIFACTS_ENV_VAR: "true",
    }
    with mock.patch.dict("os.environ", variables):
        from mlflow.server import app

        door = _Door(app)
        server = make_server("127.0.0.1", 0, door, threaded=True, request_handler=_Silent)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", door
        finally:
            server.shutdown()
            thread.join()
