"""Schemathesis finds nothing in what the server answers that its description does not say."""

import json
import re

from freerouter.server.openapi import description
from tests.server.examination import examine

# It does not ask for the description again.
OPERATIONS = sum(map(len, json.loads(description())["paths"].values())) - 1


def test_an_independent_program_finds_the_description_right(server, tmp_path):
    done = examine(server.url, tmp_path, "--generation-deterministic", "--max-examples", "40")
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"Tested: +(\d+)\n", done.stdout)[1]) == OPERATIONS
    assert int(re.search(r"(\d+) generated", done.stdout)[1]) > 500
