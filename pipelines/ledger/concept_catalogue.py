"""The catalogue of canonical measures: in which statement, under which labels, in which unit, with which sign."""

from __future__ import annotations

from dataclasses import dataclass

INCOME, BALANCE, CASH = ("income",), ("balance",), ("cash",)
_PER_SHARE = r"per (?:\w+ )?share|earnings per"
_SHARES = r"shares? (?:used|outstanding)|weighted[- ]average"


@dataclass(frozen=True)
class Concept:
    """A measure: where it stands and how it is printed.

    `labels` are regular expressions over a whole normalised label; `under` and `never_under` over the
    headings above it. `period` is 'duration' or 'instant'. `outflow` says that the amount is printed negative in
    cash flow statements though people speak of it as a positive amount spent.
    """

    name: str
    statements: tuple[str, ...]
    labels: tuple[str, ...]
    unit: str = "USD"
    period: str = "duration"
    under: str = ""
    never_under: str = ""
    outflow: bool = False


def _balance(name: str, *labels: str, under: str = "", never_under: str = "") -> Concept:
    return Concept(name, BALANCE, labels, period="instant", under=under, never_under=never_under)


def _cash(name: str, *labels: str, outflow: bool = True, never_under: str = "") -> Concept:
    return Concept(name, CASH, labels, outflow=outflow, never_under=never_under)


CONCEPTS: tuple[Concept, ...] = (
    # ---- per share and shares first: their labels ("Basic") say nothing without the heading
    Concept(
        "shares_basic", INCOME, (r"basic(?: shares)?", r"weighted[- ]average shares-basic"), "shares", under=_SHARES
    ),
    Concept(
        "shares_diluted",
        INCOME,
        (r"diluted(?: shares)?", r"weighted[- ]average shares-diluted"),
        "shares",
        under=_SHARES,
    ),
    Concept(
        "shares_basic",
        INCOME,
        (r"weighted[- ]average (?:common )?shares(?: outstanding)?,? ?-? ?\(?basic\)?",),
        "shares",
    ),
    Concept(
        "shares_diluted",
        INCOME,
        (r"weighted[- ]average (?:common )?shares(?: outstanding)?,? ?-? ?\(?diluted\)?",),
        "shares",
    ),
    Concept("eps_basic", INCOME, (r"basic",), "USD/share", under=_PER_SHARE, never_under=_SHARES),
    Concept("eps_diluted", INCOME, (r"diluted",), "USD/share", under=_PER_SHARE, never_under=_SHARES),
    Concept(
        "eps_basic",
        INCOME,
        (
            r"basic (?:earnings|net income|income)(?: per) (?:common )?share(?: attributable to .*)?",
            r"(?:earnings|net income) per (?:common )?share,? ?-? ?\(?basic\)?",
        ),
        "USD/share",
    ),
    Concept(
        "eps_diluted",
        INCOME,
        (
            r"diluted (?:earnings|net income|income)(?: per) (?:common )?share(?: attributable to .*)?",
            r"(?:earnings|net income) per (?:common )?share,? ?-? ?\(?diluted\)?",
        ),
        "USD/share",
    ),
    Concept(
        "eps_basic",
        INCOME,
        (r"net income attributable to .* common (?:share|stock)holders",),
        "USD/share",
        under=r"per common share-basic",
    ),
    Concept(
        "eps_diluted",
        INCOME,
        (r"net income attributable to .* common (?:share|stock)holders",),
        "USD/share",
        under=r"per common share-diluted",
    ),
    Concept("dividends_per_share", INCOME, (r"(?:cash )?dividends declared per (?:common )?share",), "USD/share"),
    # ---- income statement
    Concept(
        "revenue",
        INCOME,
        (
            r"total (?:net )?(?:revenues?|sales)",
            r"(?:net )?(?:revenues?|sales)",
            r"revenues?, net",
            r"net operating revenues?",
        ),
    ),
    # Set where the same statement also has a total: membership fees and the like come on top of net sales.
    Concept("net_sales", INCOME, (r"(?!)",)),
    Concept(
        "cost_of_revenue",
        INCOME,
        (
            r"total cost of (?:revenues?|sales|goods sold)",
            r"merchandise costs",
            r"cost of (?:net )?(?:revenues?|sales|goods sold|products sold)",
        ),
    ),
    Concept("gross_profit", INCOME, (r"gross (?:profit|margin)", r"total gross (?:profit|margin)")),
    Concept("r_and_d", INCOME, (r"research and development(?: expenses?)?",)),
    Concept("technology_expense", INCOME, (r"technology and (?:development|content)",)),
    Concept(
        "sg_and_a",
        INCOME,
        (
            r"(?:operating, )?selling, (?:general|informational) and administrative(?: expenses?)?",
            r"marketing, general and administrative(?: expenses?)?",
        ),
    ),
    Concept(
        "sales_and_marketing",
        INCOME,
        (
            r"sales and marketing(?: expenses?)?",
            r"marketing(?: expenses?)?",
        ),
    ),
    Concept("general_and_administrative", INCOME, (r"general and administrative(?: expenses?)?",)),
    Concept("operating_expenses", INCOME, (r"total operating expenses", r"total costs and expenses")),
    Concept(
        "operating_income",
        INCOME,
        (r"(?:total )?operating (?:income|profit|earnings)", r"income from operations", r"earnings from operations"),
    ),
    Concept("interest_expense", INCOME, (r"interest expense",)),
    Concept("interest_net", INCOME, (r"interest expense, net", r"interest, net")),
    Concept("interest_income", INCOME, (r"interest income",)),
    Concept(
        "pretax_income",
        INCOME,
        (
            r"(?:income|earnings) (?:from continuing operations )?before "
            r"(?:provision for |provision for/benefit from |provision )?"
            r"(?:income )?tax(?:es)?(?: expense)?(?: and equity (?:in )?income(?: of affiliates)?)?",
            r"income from continuing operations before provision(?:/\(benefit\))? for taxes on income",
            r"income from continuing operations before provision for taxes on income",
        ),
    ),
    Concept(
        "income_tax",
        INCOME,
        (
            r"(?:provision|benefit \(provision\)|provision \(benefit\)|income tax expense|income tax provision|"
            r"income taxes)"
            r"(?: for)?(?: income taxes| taxes on income)?",
            r"benefit \(provision\) for income taxes",
        ),
    ),
    Concept(
        "net_income_consolidated",
        INCOME,
        (
            r"consolidated net (?:income|earnings)",
            r"net income (?:including|before allocation to) noncontrolling interests?",
        ),
    ),
    Concept(
        "net_income_noncontrolling",
        INCOME,
        (r"(?:less: )?(?:consolidated )?net income attributable to (?:non-?controlling) interests?",),
    ),
    Concept(
        "net_income",
        INCOME,
        (
            r"net (?:income|earnings)",
            r"(?:consolidated )?net (?:income|earnings) attributable to (?!non-?controlling)[\w.,&' -]+",
        ),
        never_under=_PER_SHARE,
    ),
    # ---- balance sheet
    _balance("cash", r"cash and cash equivalents"),
    _balance(
        "short_term_investments",
        r"short-term investments",
        r"marketable securities",
        r"short-term marketable securities",
        never_under=r"non-?current assets",
    ),
    _balance("long_term_investments", r"marketable securities", under=r"non-?current assets"),
    _balance(
        "cash_and_short_term_investments",
        r"total cash, cash equivalents,? and (?:short-term investments|marketable securities)",
    ),
    _balance("receivables", r"(?:trade )?(?:accounts )?receivables?(?:, net.*|, less allowance.*| and other)?"),
    _balance("inventory", r"(?:merchandise )?inventories(?:, net)?", r"inventory"),
    _balance("current_assets", r"total current assets"),
    _balance(
        "ppe_net",
        r"(?:net )?property(?:, plant)? and equipment(?:, net.*)?",
        r"property(?:, plant,?)? and equipment, net.*",
    ),
    _balance("goodwill", r"goodwill"),
    _balance("intangibles", r"(?:identifiable |other )?intangible assets(?:, net)?"),
    _balance("total_assets", r"total assets"),
    _balance("accounts_payable", r"(?:trade )?accounts payable"),
    _balance(
        "deferred_revenue",
        r"(?:short-term )?(?:deferred|unearned) revenues?",
        r"deferred membership fees",
        never_under=r"non-?current liabilities",
    ),
    _balance("current_liabilities", r"total current liabilities"),
    _balance("commercial_paper", r"commercial paper"),
    _balance("short_term_debt", r"short-term (?:debt|borrowings).*", r"notes payable"),
    _balance(
        "current_long_term_debt",
        r"current (?:portion|maturities) of long-term debt(?:, net)?",
        r"long-term debt due within one year",
    ),
    _balance("current_long_term_debt", r"term debt", under=r"(?:^|> )current liabilities$"),
    _balance(
        "long_term_debt",
        r"long-term debt(?:, (?:net of|excluding|less) current (?:portion|maturities)(?:, net)?)?(?:, net)?",
    ),
    _balance("long_term_debt", r"term debt", under=r"non-?current liabilities$"),
    _balance("total_liabilities", r"total liabilities"),
    _balance("retained_earnings", r"retained earnings", r"accumulated deficit"),
    _balance(
        "equity",
        r"total (?!liabilities)[\w.,&' ]*(?:share|stock)holders' equity",
        r"total (?:share|stock)holders'? equity",
    ),
    _balance("total_equity", r"total equity"),
    _balance(
        "noncontrolling_interest",
        r"(?:nonredeemable )?noncontrolling interests?",
        r"equity attributable to noncontrolling interests?",
    ),
    # ---- cash flow statement
    _cash(
        "operating_cash_flow",
        r"(?:net )?cash (?:generated by|provided by|from|\(used in\) provided by|provided by \(used in\)|"
        r"provided by/\(used in\)|generated by/\(used in\))(?: \(used in\))? (?:operating activities|operations)",
        r"total cash provided by(?: \(used in\))? operating activities",
        outflow=False,
    ),
    _cash(
        "investing_cash_flow",
        r"(?:total |net )?(?:net )?cash (?:used in|provided by|from|generated by)?"
        r"(?:/?\(used in\)| \(used in\)| \(used in\) provided by|\(used in\) provided by)? ?"
        r"(?:provided by )?investing(?: activities)?",
        outflow=False,
    ),
    _cash(
        "financing_cash_flow",
        r"(?:total |net )?(?:net )?cash (?:used in|provided by|from|generated by)?"
        r"(?:/?\(used in\)| \(used in\)| \(used in\) provided by|\(used in\) provided by)? ?"
        r"(?:provided by )?financing(?: activities)?",
        outflow=False,
    ),
    _cash(
        "d_and_a",
        r"(?:total )?depreciation(?: and amortization|, amortization,? and other)(?: of property.*)?",
        outflow=False,
    ),
    _cash("stock_compensation", r"(?:share|stock)-based compensation(?: expense)?", outflow=False),
    _cash(
        "capex",
        r"(?:purchases?|acquisitions?) of property(?:, plant,?)? and equipment(?:, net.*)?",
        r"payments for (?:acquisition of )?property(?:, plant,?)? and equipment",
        r"additions to property(?:, plant,?)? and equipment(?:, net of.*)?",
        r"capital expenditures",
    ),
    _cash(
        "dividends_paid",
        r"payments? (?:for|of) dividends(?: and dividend equivalents)?",
        r"(?:cash )?dividends paid",
        r"cash dividend payments",
        r"common stock cash dividends paid",
        r"payments of cash dividends",
    ),
    _cash(
        "buybacks",
        r"repurchases? of common stock",
        r"common stock repurchased",
        r"purchases? of (?:company|common|treasury) stock",
    ),
    _cash(
        "acquisitions",
        r"acquisitions?(?: of (?:businesses|companies))?(?:, net of (?:divested )?cash acquired)?(?:,? and other.*)?",
        r"payments (?:made in connection with|for) business acquisitions,? net(?: of cash acquired)?",
        r"acquisition of companies, net of cash acquired,? and purchases of intangible and other assets",
    ),
    _cash("interest_paid", r"(?:cash paid for )?interest(?: paid)?", outflow=False),
    _cash(
        "taxes_paid", r"(?:cash paid for )?income taxes(?: paid)?(?:, net)?", outflow=False, never_under="changes in"
    ),
)
