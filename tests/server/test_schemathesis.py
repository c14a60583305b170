"""Schemathesis finds nothing in what the server answers that its description does not say."""

import re

from tests.server.examination import examine


def test_an_independent_program_finds_the_description_right(server, tmp_path):
    done = examine(server.url, tmp_path, "--generation-deterministic", "--max-examples", "40")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Tested: +11\n", done.stdout)
    assert int(re.search(r"(\d+) generated", done.stdout)[1]) > 500
