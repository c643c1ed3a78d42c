"""What a question can be about: each topic names the reported figures and derived measures that answer it.

A new topic is one more row. `levels` are concepts of pipelines/ledger/concepts.py, `measures` names of
pipelines/tools/fundamentals.py, price measures names of pipelines/tools/market.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Topic:
    """A part of the fundamentals; `words` is how questions ask for it."""

    key: str
    title: str
    words: str
    levels: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    growing: bool = True  # whether the change of each level against the year before is of interest
    pattern: re.Pattern[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(rf"\b(?:{self.words})\b", re.I))


@dataclass(frozen=True)
class PriceTopic:
    """A part of the price history."""

    key: str
    words: str
    measures: tuple[str, ...]
    pattern: re.Pattern[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(rf"\b(?:{self.words})", re.I))


TOPICS: tuple[Topic, ...] = (
    Topic(
        "revenue",
        "Revenue",
        r"revenues?|net sales|sales|top[- ]line|turnover(?! ratio)|growth|grow(?:n|s|ing)?|grew|results"
        r"|overview|profile|brief|summar\w+",
        levels=("revenue",),
    ),
    Topic(
        "margins",
        "Margins and profit",
        r"margins?|profit(?:s|ability|able)?|income|earnings|results|bottom[- ]line|overview|profile|brief|summar\w+",
        levels=("gross_profit", "operating_income", "net_income"),
        measures=("gross_margin", "operating_margin", "net_margin"),
    ),
    Topic(
        "costs",
        "Costs",
        r"costs?|expenses?|spend(?:ing)?|R&D|research and development|SG&A",
        levels=("cost_of_revenue", "r_and_d", "sg_and_a"),
        measures=("r_and_d_share", "sg_and_a_share"),
    ),
    Topic(
        "cash_flow",
        "Cash flow",
        r"cash flows?|free cash|fcf|cash generation|capex"
        r"|capital (?:expenditures?|spending)|overview|profile|brief|summar\w+",
        levels=("operating_cash_flow", "capex"),
        measures=("free_cash_flow", "fcf_margin"),
    ),
    Topic(
        "returns_to_shareholders",
        "Dividends and repurchases",
        r"dividends?|buy-?backs?|repurchas\w+|shareholder returns?|returned? to shareholders|capital returns?",
        levels=("dividends_paid", "buybacks"),
        measures=("dividend_payout",),
    ),
    Topic(
        "balance_sheet",
        "Balance sheet",
        r"balance sheets?|liquidity|solvency|leverage|debt|indebted\w*|assets|liabilities"
        r"|financial (?:position|health|strength)",
        levels=("cash", "total_assets", "total_liabilities", "long_term_debt", "equity"),
        measures=("current_ratio", "quick_ratio", "total_debt", "debt_to_equity"),
    ),
    Topic(
        "per_share",
        "Earnings per share",
        r"eps|(?:earnings|income|profit) per (?:diluted |basic )?share|per[- ]share",
        levels=("eps_diluted", "eps_basic"),
    ),
)

PRICE_TOPICS: tuple[PriceTopic, ...] = (
    PriceTopic(
        "return",
        r"returns?\b(?! (?:on|to)\b)|returned\b(?! to\b)"
        r"|stocks?\b(?!holder|[- ]based| (?:compensation|repurchas|buy|option|split))"
        r"|(?<!diluted )(?<!per )shares? (?:price|perform|done|do\b|return|gain|fall|fell|rise|rose)|price\b"
        r"|perform\w* (?:of|against|versus|relative)"
        r"|gain(?:ed|s)?\b(?! (?:on|from)\b)|outperform\w*|underperform\w*"
        r"|beat(?:en|s|ing)?\b|lag(?:ged|s)?\b|S ?& ?P|invest(?:ed|ing) (?:\S+ ){0,3}(?:in|\$?\d)|ytd\b",
        ("total_return", "relative_return"),
    ),
    PriceTopic(
        "annualised",
        r"cagr\b|annuali[sz]ed return|compound\w* (?:annual )?return",
        ("annualised_return", "total_return"),
    ),
    PriceTopic(
        "risk_adjusted", r"sharpe|sortino|risk[- ]adjusted|risk and return", ("annualised_return", "volatility")
    ),
    PriceTopic("volatility", r"volatil\w+|risk(?:y|ier|iest)\b|standard deviation", ("volatility",)),
    PriceTopic(
        "drawdown",
        r"draw-?d\w*wn\w*|worst (?:fall|drop|loss)|peak[- ]to[- ]trough|biggest (?:fall|drop)",
        ("max_drawdown",),
    ),
    PriceTopic("beta", r"beta\b|market sensitivity", ("beta",)),
    PriceTopic("correlation", r"correlat\w+", ("correlation",)),
    PriceTopic(
        "trend",
        r"moving averages?|sma\b|200[- ]?days?\b|50[- ]?days?\b"
        r"|trend(?:s|ing)?\b(?= (?:of|in) the (?:stock|price|share))",
        ("sma",),
    ),
    PriceTopic("momentum", r"rsi\b|relative strength|overbought|oversold|momentum", ("rsi",)),
    PriceTopic("macd", r"macd\b", ("macd",)),
    PriceTopic(
        "level",
        r"clos(?:e|ed|ing) (?:price|at)|price level|trad(?:e|ed|ing) at|(?:stock|share) price (?:on|at)"
        r"|what (?:is|was) the (?:stock|share) price|what (?:is|was) .{1,30}(?:stock|share) price",
        ("level",),
    ),
    PriceTopic("range", r"52[- ]weeks?", ("range_52_weeks",)),
    PriceTopic(
        "best_day",
        r"best (?:and worst )?(?:single |trading )?days?\b|(?:largest|biggest) one[- ]day (?:gain|rise)",
        ("extremes",),
    ),
    PriceTopic(
        "worst_day",
        r"worst (?:single |trading )?days?\b|(?:largest|biggest) one[- ]day (?:loss|fall|drop)",
        ("extremes",),
    ),
    PriceTopic(
        "valuation",
        r"p/?e (?:ratio|multiple)|price[- ]to[- ]\w+|price[- ]earnings|market cap\w*|dividend yield|valuation",
        (),
    ),
    PriceTopic("volume", r"(?:trading|average|daily) volumes?\b", ("average_volume",)),
)

# How questions name measures beside the catalogue's own phrases.
SAID_OTHERWISE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"\b(?:{words})\b", re.I), name)
    for words, name in (
        (r"diluted shares|diluted share count", "shares_diluted"),
        (r"basic shares", "shares_basic"),
        (r"how much cash|cash (?:on hand|pile|balance)|cash did", "cash"),
        (r"capital[- ]intens\w+", "capex_share"),
        (r"(?:make|made|earn(?:ed)?|turn(?:ed)?) a profit|profitable|lose money|lost money", "net_income"),
        (r"cover (?:its|their) interest", "interest_coverage"),
    )
)
