"""The tables of the file that processes of one machine share, and what is written into them."""

from __future__ import annotations

VERSION = 1
SCHEMA = """
create table if not exists fact(
    name text primary key, payload blob not null, at real not null, until real not null, over integer not null,
    number integer not null, origin text not null) without rowid;
create index if not exists fact_number on fact(number);
create index if not exists fact_until on fact(until);
create table if not exists slot(
    account text not null, name text not null, at real not null, primary key(account, name)) without rowid;
create table if not exists day(
    account text primary key, allowed integer not null, remaining integer not null, at real not null,
    until real not null) without rowid;
create table if not exists counter(one integer primary key, number integer not null, at real not null);
insert or ignore into counter values(1, 0, 0);
"""

# See facts.replaces.
PUBLISH = """
insert into fact values(:name, :payload, :at, :until, :over, :number, :origin)
on conflict(name) do update set payload = excluded.payload, at = excluded.at, until = excluded.until,
    over = excluded.over, number = excluded.number, origin = excluded.origin
where case when excluded.over or over then (excluded.at, excluded.over) > (at, over)
    else (excluded.until, excluded.at) > (until, at) end
"""
