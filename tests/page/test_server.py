"""The page as a browser and as a program ask for it, over HTTP on this machine."""

import io
import json
from http.client import HTTPConnection
from threading import Thread

import numpy as np
import pytest

from moe_exp.page.server import PageServer
from tests.conftest import make_stars

MOST_BYTES = 100_000


@pytest.fixture
def ask(model):
    """Serve the small model, and return what asks it: status, headers and text of the answer."""
    with PageServer(model, "mine <1>", port=0, most_bytes=MOST_BYTES) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def request(method, place, body=None, **headers):
            connection = HTTPConnection("127.0.0.1", server.server_port, timeout=30)
            connection.request(method, place, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            return answer.status, answer.headers, text

        yield request
        server.shutdown()
        thread.join()


def npz(n_stars=3, **others):
    file = io.BytesIO()
    flux = make_stars(n_stars)[0]
    np.savez(
        file, wavelength=np.linspace(8480, 8680, 60), flux=flux, velocity=np.zeros(n_stars), medium="air", **others
    )
    return flux, file.getvalue()


def test_a_file_is_answered_with_its_stars_and_the_spectrum_of_the_chosen_one(ask, model):
    flux, body = npz(star=["first", "second", "<b>third"])
    status, headers, text = ask("POST", "/predict?name=stars.npz&star=1", body)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    table = model.predict(flux)
    for row in table.to_dict("records"):
        assert f"<td>{row['log_g']:.2f} ± {row['log_g_error']:.2f}</td>" in text
    assert 'alt="Spectrum of star second"' in text
    assert "data:image/png;base64,iVBOR" in text
    assert "&lt;b&gt;third" in text
    assert text.count("data-star=") == 3


def test_programs_get_json_with_all_columns(ask, model):
    flux, body = npz()
    status, _, text = ask("POST", "/predict?name=stars.npz", body, Accept="application/json")
    assert status == 200
    found, expected = json.loads(text), model.predict(flux)
    assert set(found[0]) == {"star", *model.columns}
    np.testing.assert_allclose([row["log_g"] for row in found], expected["log_g"], atol=1e-6)
    assert [row["flag"] for row in found] == list(expected["flag"])


def test_the_page_names_its_model_and_runs_no_script_but_its_own(ask):
    status, headers, text = ask("GET", "/")
    assert status == 200
    assert "mine &lt;1&gt;" in text
    assert f'data-most-bytes="{MOST_BYTES}"' in text
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert ask("GET", "/page.js")[1]["Content-Type"].startswith("text/javascript")
    assert ask("GET", "/../pyproject.toml")[0] == 404


@pytest.mark.parametrize(
    ("place", "body", "headers", "status", "said"),
    [
        ("/predict?name=a.csv", b"x" * (MOST_BYTES + 1), {}, 413, "use moe-exp predict"),
        ("/predict?name=a.csv", b"", {"Host": "elsewhere.org"}, 403, "its own machine alone"),
        ("/predict?name=../../a.csv", b"a,b\n1,2\n", {}, 422, "_.._a.csv: it has no flux and no wavelength"),
        ("/predict?name=..", b"", {}, 422, "_: the file is empty"),
        ("/predict", b"", {}, 422, "spectra: the file is empty"),
        ("/predict?name=a.npz&medium=water", npz()[1], {}, 422, "neither air nor vacuum"),
        ("/predict?name=a.npz&velocity=fast", npz()[1], {}, 422, "must be numbers"),
        ("/elsewhere", b"", {}, 404, "no such page"),
    ],
)
def test_what_cannot_be_answered_is_said(ask, place, body, headers, status, said):
    found, _, text = ask("POST", place, body, **headers)
    assert found == status
    assert said in text
    assert "/tmp" not in text


def test_an_option_of_the_request_reaches_the_model(ask, model):
    flux, body = npz()
    text = ask("POST", "/predict?name=a.npz&velocity=40", body, Accept="application/json")[2]
    moved = model.predict(flux, velocity=40.0)
    np.testing.assert_allclose([row["log_g"] for row in json.loads(text)], moved["log_g"], atol=1e-6)
    assert not np.allclose(moved["log_g"], model.predict(flux)["log_g"])
