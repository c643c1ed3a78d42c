"""What is said arrives: no payload that a platform refuses, and no character more or less in all messages together."""

import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bots.render import discord, slack
from bots.render.discord import render_discord
from bots.render.document import Button, Document
from bots.render.limits import check_discord, check_slack
from bots.render.slack import render_slack
from bots.render.text import text_of, text_of_discord, text_of_slack

EXAMPLES = int(os.environ.get("TIEOUT_DOCUMENTS", "200"))  # 10,000 in the long run of it
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
            [
                "[a link](https://example.org/a_b)",
                "[bad](javascript:alert(1))",
                "<https://example.org/x?y=@everyone>",
                '![a picture](https://example.org/p.png "its title")',
                "**bold words**",
                "*so*",
                "***both***",
                "`code`",
                "`` co`de ``",
            ]
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
    st.lists(WORDS, min_size=1, max_size=4).map(
        lambda items: "\n".join(f"{'  ' * n}- {x}" for n, x in enumerate(items))
    ),
    st.just("---"),
    st.just("12. "),
    TABLES,
    FENCES,
)
DOCUMENTS = st.lists(BLOCKS, max_size=8).map("\n\n".join)
BUTTONS = (Button("Sources", "sources:run_1"), Button("Open", "open", url="https://example.org"))


LARGE = st.builds(lambda words, times: "\n\n".join([words] * times), WORDS, st.integers(10, 60)).map(
    lambda it: it[:100_000]
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(DOCUMENTS | LARGE)
@example("a b " * 30_000)
@example("| a | b |\n|---|---|\n" + "| x | y |\n" * 300)
@example("👩‍👩‍👧‍👦" * 14_000)
@example("🇩🇪🇫🇷" * 2_000)
def test_slack_takes_every_message_and_no_character_is_lost(markdown: str) -> None:
    document = Document(markdown, BUTTONS)
    messages = render_slack(document)
    for message in messages:
        check_slack({"text": message.text, "blocks": list(message.blocks)})
    assert text_of_slack(messages) in (text_of(slack.laid_out(document)), "(nothingtosay)")


@settings(max_examples=EXAMPLES, deadline=None)
@given(DOCUMENTS | LARGE)
@example("a b " * 30_000)
@example("| a | b |\n|---|---|\n" + "| x | y |\n" * 300)
@example("👩‍👩‍👧‍👦" * 14_000)
@example("1\\. one\n\n3\\. three")
@example("***a*** **b***c*`d``e`")
def test_discord_takes_every_message_and_no_character_is_lost(markdown: str) -> None:
    document = Document(markdown, BUTTONS)
    messages = render_discord(document)
    for message in messages:
        check_discord({"content": message.content, "components": list(message.components)})
    assert text_of_discord(messages) in (text_of(discord.laid_out(document)), "(nothingtosay)")


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
