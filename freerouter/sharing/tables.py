"""The tables of the file that processes of one machine share, and what is written into them."""

from __future__ import annotations

VERSION = 2
# Which names are those of conversations, and which are not.
_TALK = """name >= '["talk",' and name < '["talk-'"""
_OTHER = """(name < '["talk",' or name >= '["talk-')"""
SCHEMA = f"""
create table if not exists fact(
    name text primary key, payload blob not null, at real not null, until real not null, over integer not null,
    number integer not null, origin text not null) without rowid;
create index if not exists fact_number on fact(number);
create index if not exists fact_until on fact(until);
create index if not exists fact_talk on fact(until) where {_TALK};
create index if not exists fact_other on fact(until) where {_OTHER};
create table if not exists slot(
    account text not null, name text not null, at real not null, primary key(account, name)) without rowid;
create table if not exists day(
    account text primary key, allowed integer not null, remaining integer not null, at real not null,
    until real not null) without rowid;
create table if not exists life(one integer primary key, name text not null, told integer not null);
create table if not exists counter(one integer primary key, number integer not null, at real not null);
insert or ignore into counter values(1, 0, 0);
"""

# What is left of a day; told again, the fewest that anybody knows of count.
DAY = """
insert into day values(:account, :allowed, :remaining, :at, :until) on conflict(account) do update set
    allowed = excluded.allowed, remaining = excluded.remaining, at = excluded.at, until = excluded.until
where excluded.at >= at
"""
DAY_AGAIN = """
insert into day values(:account, :allowed, :remaining, :at, :until) on conflict(account) do update set
    remaining = min(remaining, excluded.remaining)
where excluded.allowed = allowed
"""

# See facts.replaces.
PUBLISH = """
insert into fact values(:name, :payload, :at, :until, :over, :number, :origin)
on conflict(name) do update set payload = excluded.payload, at = excluded.at, until = excluded.until,
    over = excluded.over, number = excluded.number, origin = excluded.origin
where case when excluded.over or over then (excluded.at, excluded.over) > (at, over)
    else (excluded.until, excluded.at) > (until, at) end
"""


def _trim(sort: str, index: str) -> str:
    """Deletes what ends first, so that so many are left. Without the hint, SQLite reads the whole table."""
    chosen = f"from fact indexed by {index} where {sort}"
    return f"""
delete from fact where name in (
    select name {chosen} order by until limit max((select count(*) {chosen}) - ?, 0))
"""  # noqa: S608  # nothing of it comes from outside


TRIM_TALKS, TRIM_OTHERS = _trim(_TALK, "fact_talk"), _trim(_OTHER, "fact_other")
