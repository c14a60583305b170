"""What the working folder's freerouter.toml may set, and which folders may set more."""

import os
from pathlib import Path

import pytest

from freerouter.errors import SettingsError
from freerouter.settings import DEFAULT_UPSTREAM, Settings

GUARDED = {
    "upstream": "https://evil.test/api/v1",
    "api_key": "sk-or-v1-theirs",
    "shared_state": "redis://evil.test",
    "redis_url": "redis://evil.test",
}


@pytest.fixture
def folder(monkeypatch, tmp_path) -> Path:
    """The working folder; the user's own folder is empty."""
    work = tmp_path / "src" / "work"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    for name in ("XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "home" / "freerouter").mkdir(parents=True)
    return work


@pytest.fixture
def user_file(folder, tmp_path) -> Path:
    return tmp_path / "home" / "freerouter" / "freerouter.toml"


def sets(path: Path, **values: str) -> None:
    (path / "freerouter.toml").write_text("".join(f'{name} = "{value}"\n' for name, value in values.items()))


@pytest.mark.parametrize("name", GUARDED)
def test_a_folder_does_not_say_where_the_key_goes(folder, user_file, name):
    sets(folder, **{name: GUARDED[name]})
    with pytest.raises(SettingsError) as caught:
        Settings()
    for word in (str(folder / "freerouter.toml"), repr(name), "trusted_folders", str(user_file)):
        assert word in caught.value.message
    assert GUARDED["api_key"] not in caught.value.message


def entries(folder: Path) -> dict[str, tuple[str, bool]]:
    return {
        "itself": (str(folder), True),
        "itself with a slash": (f"{folder}/", True),
        "all below": (f"{folder.parent}/*", True),
        "all below the parent's parent": (f"{folder.parent.parent}/*", True),
        "all": ("*", True),
        "one of two": (f"/nowhere{os.pathsep}{folder}", True),
        "one of two, with a comma": (f"/nowhere, {folder}", True),
        "from the home folder": ("~/../src/work", True),
        "its parent": (str(folder.parent), False),
        "all below itself": (f"{folder}/*", False),
        "a name that begins alike": (str(folder)[:-1], False),
        "another": ("/nowhere", False),
        "none": ("", False),
    }


@pytest.mark.parametrize("case", entries(Path("/a/b")))
@pytest.mark.parametrize("place", ["environment", "user's file"])
def test_which_folders_are_trusted(folder, user_file, monkeypatch, place, case):
    entry, trusted = entries(folder)[case]
    sets(folder, **GUARDED)
    if place == "environment":
        monkeypatch.setenv("FREEROUTER_TRUSTED_FOLDERS", entry)
    else:
        sets(user_file.parent, trusted_folders=entry)
    if trusted:
        assert (Settings().upstream, Settings().key) == (GUARDED["upstream"], GUARDED["api_key"])
    else:
        with pytest.raises(SettingsError, match="'upstream' and 'api_key'"):
            Settings()


def test_a_folder_that_is_linked_to_is_the_same_folder(folder, monkeypatch, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    sets(folder, **GUARDED)
    monkeypatch.setenv("FREEROUTER_TRUSTED_FOLDERS", str(tmp_path / "link"))
    assert Settings().upstream == GUARDED["upstream"]


@pytest.mark.parametrize("more", [{}, GUARDED])
def test_a_folder_cannot_trust_itself(folder, monkeypatch, more):
    sets(folder, trusted_folders="*", **more)
    with pytest.raises(SettingsError, match="'trusted_folders' can be set only in"):
        Settings()
    monkeypatch.setenv("FREEROUTER_TRUSTED_FOLDERS", "/nowhere")
    with pytest.raises(SettingsError, match="'trusted_folders' can be set only in"):
        Settings()


def test_the_users_own_file_sets_anything_even_where_it_lies(folder, user_file, monkeypatch):
    sets(user_file.parent, **GUARDED)
    assert Settings().key == GUARDED["api_key"]
    monkeypatch.chdir(user_file.parent)
    assert Settings().key == GUARDED["api_key"]


def test_everything_else_may_be_set_in_a_folder(folder):
    sets(folder, model_map="claude-*=openrouter/free", sticky="off")
    assert (Settings().sticky, Settings().upstream) == ("off", DEFAULT_UPSTREAM)


@pytest.mark.parametrize("entry", ["work", "./work", ".", "work/*", "**"])
def test_an_entry_that_can_match_no_folder_is_refused(folder, entry):
    with pytest.raises(SettingsError, match=r"setting 'trusted_folders': .* is not an absolute path"):
        Settings(trusted_folders=[entry])
