"""What is said arrives: no payload that a platform refuses, and no character more or less in all messages together."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bots.render.discord import render_discord
from bots.render.document import Button, Document
from bots.render.limits import check_discord, check_slack
from bots.render.slack import render_slack
from bots.render.text import text_of, text_of_discord, text_of_slack

SPICE = st.sampled_from(
    [
        "👩‍👩‍👧‍👦",
        "🇩🇪",
        "שלום",
        "مرحبا",
        "é",
        "@everyone",
        "<@U123>",
        "<!here>",
        "`",
        "``",
        "***",
        "_a_",
        "~~",
        "||",
        "&amp;",
        "\\",
    ]
)
WORDS = st.lists(
    st.one_of(
        SPICE,
        st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cf")), min_size=1, max_size=12),
        st.integers(1, 6_000).map(lambda n: "x" * n),
        st.sampled_from(
            ["[a link](https://example.org/a_b)", "[bad](javascript:alert(1))", "**bold words**", "*so*", "`code`"]
        ),
    ),
    min_size=1,
    max_size=30,
).map(" ".join)
CELL = WORDS.map(lambda text: text.replace("|", "\\|").replace("`", "").replace("\n", " ")[:400])
TABLES = st.integers(1, 24).flatmap(
    lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=12).map(
        lambda rows: "\n".join(
            [
                "| " + " | ".join(rows[0]) + " |",
                "|" + "---|" * width,
                *("| " + " | ".join(row) + " |" for row in rows[1:]),
            ]
        )
    )
)
FENCES = st.tuples(st.sampled_from(["````", "~~~~"]), WORDS, st.sampled_from(["", "sql", "python"])).map(
    lambda one: f"{one[0]}{one[2]}\n{one[1]}\n```\ninner\n```\n{one[0]}"
)
BLOCKS = st.one_of(
    WORDS,
    WORDS.map(lambda text: "# " + text),
    WORDS.map(lambda text: "> " + text),
    st.lists(WORDS, min_size=1, max_size=5).map(lambda items: "\n".join(f"- {item}" for item in items)),
    st.lists(WORDS, min_size=1, max_size=4).map(
        lambda items: "\n".join(f"{n}. {item}" for n, item in enumerate(items, 1))
    ),
    TABLES,
    FENCES,
)
DOCUMENTS = st.lists(BLOCKS, max_size=8).map("\n\n".join)
BUTTONS = (Button("Sources", "sources:run_1"), Button("Open", "open", url="https://example.org"))


@settings(max_examples=120, deadline=None)
@given(DOCUMENTS)
@example("a b " * 30_000)
@example("| a | b |\n|---|---|\n" + "| x | y |\n" * 300)
def test_slack_takes_every_message_and_no_character_is_lost(markdown: str) -> None:
    document = Document(markdown, BUTTONS)
    messages = render_slack(document)
    for message in messages:
        check_slack({"text": message.text, "blocks": list(message.blocks)})
    assert without_lines(text_of_slack(messages)) in (without_lines(text_of(document)), "(nothingtosay)")


def without_lines(text: str) -> str:
    """Return text without the line under the header of a table that is set in letters of one width."""
    return text.replace("─", "")


@settings(max_examples=120, deadline=None)
@given(DOCUMENTS)
@example("a b " * 30_000)
def test_discord_takes_every_message(markdown: str) -> None:
    for message in render_discord(Document(markdown, BUTTONS)):
        check_discord({"content": message.content, "components": list(message.components)})


PLAIN = st.lists(st.one_of(WORDS, WORDS.map(lambda text: "> " + text), FENCES), max_size=6).map("\n\n".join)


@settings(max_examples=120, deadline=None)
@given(PLAIN)
def test_on_discord_no_character_is_lost(markdown: str) -> None:
    document = Document(markdown)
    assert text_of_discord(render_discord(document)) in (text_of(document), "(nothingtosay)")


@pytest.mark.parametrize("text", ["@everyone", "@here", "<@123>", "<@&1>", "<#5>", "[x](https://evil.example)", "# no"])
def test_discord_marks_from_outside_mean_nothing(text: str) -> None:
    from bots.render.escape import literal

    (message,) = render_discord(Document(literal(text)))
    assert "@everyone" not in message.content
    assert "@here" not in message.content
    assert "<@" not in message.content
    assert "](" not in message.content


@pytest.mark.parametrize("text", ["<!channel>", "<@U123>", "<https://evil.example|click>", "&lt;"])
def test_slack_marks_from_outside_are_text(text: str) -> None:
    from bots.render.escape import literal

    (message,) = render_slack(Document(literal(text)))
    assert message.blocks[0]["elements"][0]["elements"] == [{"type": "text", "text": text}]
    assert "<" not in message.text
