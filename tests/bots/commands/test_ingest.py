"""Ingesting files of a message: read, or refused by name."""

from __future__ import annotations

import pytest

from bots.inbound import Attachment
from tieout.errors import InvalidInput, NotAvailable, ProviderRefused, ProviderUnavailable


def file(name: str, size: int = 5) -> Attachment:
    return Attachment(name, name, size, "text/plain", f"https://files.example/{name}")


def test_files_are_read_into_the_library(chat):
    chat.more["fetch"] = lambda _one: b"hello"
    said = chat.told("ingest", attachments=(file("a.txt"), file("b.md")))
    assert "| a\\.txt | read, 1 pages |" in said
    assert [one.name for one in chat.desk.documents(chat.who)] == ["a.txt", "b.md"]
    assert "was there already" in chat.told("ingest", attachments=(file("a.txt"),))


def test_what_is_not_taken_is_refused_by_name_and_the_rest_is_read(chat):
    chat.more["fetch"] = lambda one: {"big.txt": b"x" * (51 * 2**20)}.get(one.name, b"hello")
    names = ("../x.txt", "a.exe", ".b.txt", "c.txt", "big.txt")
    said = chat.told("ingest", attachments=(*map(file, names), file("d.txt", 51 * 2**20)))
    assert "../x\\.txt | refused: " in said.replace("\\.\\./", "../")
    assert "a\\.exe | refused: files of this kind" in said
    assert said.count("at most 50 MB") == 2
    assert [one.name for one in chat.desk.documents(chat.who)] == ["c.txt"]


def test_two_files_of_one_name_do_not_overwrite_each_other(chat):
    chat.more["fetch"] = lambda one: one.id.encode()
    twins = (Attachment("1", "a.txt", 1, "text/plain", ""), Attachment("2", "a.txt", 1, "text/plain", ""))
    assert chat.told("ingest", attachments=twins).count("a\\.txt") == 2


def test_a_file_that_the_platform_refuses_is_named_and_one_that_it_may_give_later_is_tried_again(chat):
    def refuse(_one: Attachment) -> bytes:
        raise ProviderRefused("it is gone")

    def later(_one: Attachment) -> bytes:
        raise ProviderUnavailable("too many requests")

    chat.more["fetch"] = refuse
    assert "refused: it is gone" in chat.told("ingest", attachments=(file("a.txt"),))
    chat.more["fetch"] = later
    with pytest.raises(ProviderUnavailable):
        chat.says("ingest", attachments=(file("a.txt"),))


def test_without_files_or_a_way_to_get_them_it_says_what_to_do(chat):
    with pytest.raises(InvalidInput, match=r"Attach files.*\.pdf"):
        chat.says("ingest")
    with pytest.raises(NotAvailable, match="tieout ingest"):
        chat.says("ingest", attachments=(file("a.txt"),))
    with pytest.raises(InvalidInput, match="at most 10"):
        chat.says("ingest", attachments=tuple(file(f"{n}.txt") for n in range(11)))


@pytest.mark.parametrize(("is_open", "audiences"), [(True, ()), (False, ("slack/T1/C1",))])
def test_what_is_posted_in_a_closed_channel_is_for_those_who_read_it(chat, is_open, audiences):
    chat.more |= {"fetch": lambda _one: b"hello", "open_to_all": lambda: is_open}
    reply = chat.says("ingest", attachments=(file("a.txt"),))
    (document,) = chat.desk.documents(chat.who)
    assert document.audiences == audiences
    assert ("only those who read this channel" in reply.document.markdown) is not is_open
    assert [button.value for button in reply.document.buttons] == ([] if is_open else [f"share:{document.id}"])


def test_where_nobody_knows_who_reads_it_stays_with_those_who_do(chat):
    def unknown() -> bool:
        raise ProviderRefused("missing_scope")

    chat.more |= {"fetch": lambda _one: b"hello", "open_to_all": unknown}
    chat.says("ingest", attachments=(file("a.txt"),))
    assert [one.audiences for one in chat.desk.documents(chat.who)] == [("slack/T1/C1",)]
    assert "open to the whole workspace" in chat.told("share a.txt")
    assert [one.audiences for one in chat.desk.documents(chat.who)] == [()]
