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
        r"|perform(?:ed|ance)?|how did .{0,40} do|overview|profile|brief|summary",
        levels=("revenue",),
    ),
    Topic(
        "margins",
        "Margins and profit",
        r"margins?|profit(?:s|ability|able)?|income|earnings|results|bottom[- ]line|overview|profile|brief|summary",
        levels=("gross_profit", "operating_income", "net_income"),
        measures=("gross_margin", "operating_margin", "net_margin"),
    ),
    Topic(
        "costs",
        "Costs",
        r"costs?|expenses?|spend(?:ing)?|R&D|research and development|SG&A",
        levels=("cost_of_revenue", "r_and_d", "sg_and_a"),
        measures=("r_and_d_to_revenue", "sg_and_a_to_revenue"),
    ),
    Topic(
        "cash_flow",
        "Cash flow",
        r"cash flows?|free cash|fcf|cash generation|capex|capital (?:expenditures?|spending)|overview|profile|brief",
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
        measures=("current_ratio", "debt_to_equity"),
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
        r"returns?\b(?! (?:on|to)\b)|stock|shares? (?:price|perform|done|do|return)|price|"
        r"perform\w* (?:of|against|versus)|"
        r"gain(?:ed|s)?\b|outperform\w*|underperform\w*|cagr|annuali[sz]ed",
        ("total_return", "annualised_return", "relative_return"),
    ),
    PriceTopic("volatility", r"volatil\w+|\brisky\b|standard deviation", ("volatility",)),
    PriceTopic("drawdown", r"draw-?downs?|worst (?:fall|drop|loss)|peak[- ]to[- ]trough", ("max_drawdown",)),
    PriceTopic("beta", r"beta\b|market sensitivity", ("beta",)),
    PriceTopic("correlation", r"correlat\w+", ("correlation",)),
    PriceTopic("trend", r"moving averages?|sma\b|200[- ]day|50[- ]day|trend", ("sma",)),
    PriceTopic("momentum", r"rsi\b|relative strength|overbought|oversold|momentum", ("rsi",)),
    PriceTopic("macd", r"macd\b", ("macd",)),
    PriceTopic(
        "level",
        r"clos(?:e|ed|ing) (?:price|at)|price level|trad(?:e|ed|ing) at|what (?:is|was) the (?:stock|share) price",
        ("level",),
    ),
    PriceTopic("extremes", r"52[- ]week|best (?:and worst )?day|worst day|highs?\b|lows?\b", ("extremes",)),
)
