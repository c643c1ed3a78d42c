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
    Concept("shares_basic", INCOME, (r"basic(?: shares)?", r"weighted[- ]average shares-basic"), "shares", under=_SHARES),
    Concept("shares_diluted", INCOME, (r"diluted(?: shares)?", r"weighted[- ]average shares-diluted"), "shares", under=_SHARES),
    Concept("shares_basic", INCOME, (r"weighted[- ]average (?:common )?shares(?: outstanding)?,? ?-? ?\(?basic\)?",), "shares"),
    Concept("shares_diluted", INCOME, (r"weighted[- ]average (?:common )?shares(?: outstanding)?,? ?-? ?\(?diluted\)?",), "shares"),
    Concept("eps_basic", INCOME, (r"basic",), "USD/share", under=_PER_SHARE, never_under=_SHARES),
    Concept("eps_diluted", INCOME, (r"diluted",), "USD/share", under=_PER_SHARE, never_under=_SHARES),
    Concept("eps_basic", INCOME, (r"basic (?:earnings|net income|income)(?: per) (?:common )?share(?: attributable to .*)?",
                                  r"(?:earnings|net income) per (?:common )?share,? ?-? ?\(?basic\)?"), "USD/share"),
    Concept("eps_diluted", INCOME, (r"diluted (?:earnings|net income|income)(?: per) (?:common )?share(?: attributable to .*)?",
                                    r"(?:earnings|net income) per (?:common )?share,? ?-? ?\(?diluted\)?"), "USD/share"),
    Concept("eps_basic", INCOME, (r"net income attributable to .* common (?:share|stock)holders",), "USD/share",
            under=r"per common share-basic"),
    Concept("eps_diluted", INCOME, (r"net income attributable to .* common (?:share|stock)holders",), "USD/share",
            under=r"per common share-diluted"),
    Concept("dividends_per_share", INCOME, (r"(?:cash )?dividends declared per (?:common )?share",), "USD/share"),
    # ---- income statement
    Concept("revenue", INCOME, (r"total (?:net )?(?:revenues?|sales)", r"(?:net )?(?:revenues?|sales)",
                                r"revenues?, net", r"net operating revenues?")),
    # Set where the same statement also has a total: membership fees and the like come on top of net sales.
    Concept("net_sales", INCOME, (r"(?!)",)),
    Concept("cost_of_revenue", INCOME, (r"total cost of (?:revenues?|sales|goods sold)", r"merchandise costs",
                                        r"cost of (?:net )?(?:revenues?|sales|goods sold|products sold)")),
    Concept("gross_profit", INCOME, (r"gross (?:profit|margin)", r"total gross (?:profit|margin)")),
    Concept("r_and_d", INCOME, (r"research and development(?: expenses?)?",)),
    Concept("technology_expense", INCOME, (r"technology and (?:development|content)",)),
    Concept("sg_and_a", INCOME, (r"(?:operating, )?selling, (?:general|informational) and administrative(?: expenses?)?",
                                 r"marketing, general and administrative(?: expenses?)?")),
    Concept("sales_and_marketing", INCOME, (r"sales and marketing(?: expenses?)?", r"marketing(?: expenses?)?",)),
    Concept("general_and_administrative", INCOME, (r"general and administrative(?: expenses?)?",)),
    Concept("operating_expenses", INCOME, (r"total operating expenses", r"total costs and expenses")),
    Concept("operating_income", INCOME, (r"(?:total )?operating (?:income|profit|earnings)", r"income from operations",
                                         r"earnings from operations")),
    Concept("interest_expense", INCOME, (r"interest expense",)),
    Concept("interest_net", INCOME, (r"interest expense, net", r"interest, net")),
    Concept("interest_income", INCOME, (r"interest income",)),
    Concept("pretax_income", INCOME, (
        r"(?:income|earnings) (?:from continuing operations )?before (?:provision for |provision for/benefit from |provision )?"
        r"(?:income )?tax(?:es)?(?: expense)?(?: and equity (?:in )?income(?: of affiliates)?)?",
        r"income from continuing operations before provision(?:/\(benefit\))? for taxes on income",
        r"income from continuing operations before provision for taxes on income",
    )),
    Concept("income_tax", INCOME, (
        r"(?:provision|benefit \(provision\)|provision \(benefit\)|income tax expense|income tax provision|income taxes)"
        r"(?: for)?(?: income taxes| taxes on income)?", r"benefit \(provision\) for income taxes")),
    Concept("net_income_consolidated", INCOME, (r"consolidated net (?:income|earnings)",
                                                r"net income (?:including|before allocation to) noncontrolling interests?")),
    Concept("net_income_noncontrolling", INCOME, (
        r"(?:less: )?(?:consolidated )?net income attributable to (?:non-?controlling) interests?",)),
    Concept("net_income", INCOME, (r"net (?:income|earnings)",
                                   r"(?:consolidated )?net (?:income|earnings) attributable to (?!non-?controlling)[\w.,&' -]+"),
            never_under=_PER_SHARE),
    # ---- balance sheet
    _balance("cash", r"cash and cash equivalents"),
    _balance("short_term_investments", r"short-term investments", r"marketable securities", r"short-term marketable securities",
             never_under=r"non-?current assets"),
    _balance("long_term_investments", r"marketable securities", under=r"non-?current assets"),
    _balance("cash_and_short_term_investments", r"total cash, cash equivalents,? and (?:short-term investments|marketable securities)"),
    _balance("receivables", r"(?:trade )?(?:accounts )?receivables?(?:, net.*|, less allowance.*| and other)?"),
    _balance("inventory", r"(?:merchandise )?inventories(?:, net)?", r"inventory"),
    _balance("current_assets", r"total current assets"),
    _balance("ppe_net", r"(?:net )?property(?:, plant)? and equipment(?:, net.*)?", r"property(?:, plant,?)? and equipment, net.*"),
    _balance("goodwill", r"goodwill"),
    _balance("intangibles", r"(?:identifiable |other )?intangible assets(?:, net)?"),
    _balance("total_assets", r"total assets"),
    _balance("accounts_payable", r"(?:trade )?accounts payable"),
    _balance("deferred_revenue", r"(?:short-term )?(?:deferred|unearned) revenues?", r"deferred membership fees",
             never_under=r"non-?current liabilities"),
    _balance("current_liabilities", r"total current liabilities"),
    _balance("commercial_paper", r"commercial paper"),
    _balance("short_term_debt", r"short-term (?:debt|borrowings).*", r"notes payable"),
    _balance("current_long_term_debt", r"current (?:portion|maturities) of long-term debt(?:, net)?", r"long-term debt due within one year"),
    _balance("current_long_term_debt", r"term debt", under=r"(?:^|> )current liabilities$"),
    _balance("long_term_debt", r"long-term debt(?:, (?:net of|excluding|less) current (?:portion|maturities)(?:, net)?)?(?:, net)?"),
    _balance("long_term_debt", r"term debt", under=r"non-?current liabilities$"),
    _balance("total_liabilities", r"total liabilities"),
    _balance("retained_earnings", r"retained earnings", r"accumulated deficit"),
    _balance("equity", r"total (?!liabilities)[\w.,&' ]*(?:share|stock)holders' equity", r"total (?:share|stock)holders'? equity"),
    _balance("total_equity", r"total equity"),
    _balance("noncontrolling_interest", r"(?:nonredeemable )?noncontrolling interests?",
             r"equity attributable to noncontrolling interests?"),
    # ---- cash flow statement
    _cash("operating_cash_flow", r"(?:net )?cash (?:generated by|provided by|from|\(used in\) provided by|provided by \(used in\)|"
          r"provided by/\(used in\)|generated by/\(used in\))(?: \(used in\))? (?:operating activities|operations)",
          r"total cash provided by(?: \(used in\))? operating activities", outflow=False),
    _cash("investing_cash_flow", r"(?:total |net )?(?:net )?cash (?:used in|provided by|from|generated by)?"
          r"(?:/?\(used in\)| \(used in\)| \(used in\) provided by|\(used in\) provided by)? ?(?:provided by )?investing(?: activities)?",
          outflow=False),
    _cash("financing_cash_flow", r"(?:total |net )?(?:net )?cash (?:used in|provided by|from|generated by)?"
          r"(?:/?\(used in\)| \(used in\)| \(used in\) provided by|\(used in\) provided by)? ?(?:provided by )?financing(?: activities)?",
          outflow=False),
    _cash("d_and_a", r"(?:total )?depreciation(?: and amortization|, amortization,? and other)(?: of property.*)?", outflow=False),
    _cash("stock_compensation", r"(?:share|stock)-based compensation(?: expense)?", outflow=False),
    _cash("capex", r"(?:purchases?|acquisitions?) of property(?:, plant,?)? and equipment(?:, net.*)?",
          r"payments for (?:acquisition of )?property(?:, plant,?)? and equipment",
          r"additions to property(?:, plant,?)? and equipment(?:, net of.*)?", r"capital expenditures"),
    _cash("dividends_paid", r"payments? (?:for|of) dividends(?: and dividend equivalents)?", r"(?:cash )?dividends paid",
          r"cash dividend payments", r"common stock cash dividends paid", r"payments of cash dividends"),
    _cash("buybacks", r"repurchases? of common stock", r"common stock repurchased", r"purchases? of (?:company|common|treasury) stock"),
    _cash("acquisitions", r"acquisitions?(?: of (?:businesses|companies))?(?:, net of (?:divested )?cash acquired)?(?:,? and other.*)?",
          r"payments (?:made in connection with|for) business acquisitions,? net(?: of cash acquired)?",
          r"acquisition of companies, net of cash acquired,? and purchases of intangible and other assets"),
    _cash("interest_paid", r"(?:cash paid for )?interest(?: paid)?", outflow=False),
    _cash("taxes_paid", r"(?:cash paid for )?income taxes(?: paid)?(?:, net)?", outflow=False, never_under="changes in"),
)  # fmt: skip

# Longest and most specific first: an earlier phrase takes its place in the sentence from a later one.
PHRASES: tuple[tuple[str, str], ...] = (
    (r"free cash flow margin|fcf margin", "fcf_margin"),
    (r"free cash flows?|fcf", "free_cash_flow"),
    (r"cash conversion cycle|ccc", "cash_conversion_cycle"),
    (r"days (?:of )?inventory(?: outstanding)?|inventory days|dio", "days_inventory_outstanding"),
    (r"days (?:of )?sales outstanding|dso", "days_sales_outstanding"),
    (r"days payables? outstanding|dpo", "days_payable_outstanding"),
    (r"fixed[- ]asset turnover", "fixed_asset_turnover"),
    (r"inventory turn(?:over|s)", "inventory_turnover"),
    (r"(?:total )?asset turnover", "asset_turnover"),
    (r"interest coverage(?: ratio)?|times interest earned", "interest_coverage"),
    (r"effective (?:income )?tax rate|tax rate", "effective_tax_rate"),
    (r"debt[- /]to[- /]equity(?: ratio)?|debt/equity|leverage ratio", "debt_to_equity"),
    (r"net debt", "net_debt"),
    (r"total debt", "total_debt"),
    (r"working capital", "working_capital"),
    (r"current ratio", "current_ratio"),
    (r"quick ratio|acid[- ]test(?: ratio)?", "quick_ratio"),
    (r"cash ratio", "cash_ratio"),
    (r"return on (?:average )?(?:total )?assets|roa", "return_on_assets"),
    (r"return on (?:average )?(?:shareholders'? |stockholders'? )?equity|roe", "return_on_equity"),
    (r"(?:dividend )?payout ratio", "dividend_payout"),
    (r"ebitda margin", "ebitda_margin"),
    (r"ebitda", "ebitda"),
    (r"gross (?:profit )?margins?(?: (?:percentage|rate|ratio))?|gross profit rate", "gross_margin"),
    (r"operating (?:profit |income )?margins?", "operating_margin"),
    (r"net (?:profit |income )?margins?|profit margins?", "net_margin"),
    (r"pre-?tax margins?", "pretax_margin"),
    (r"margins", "margins"),
    (r"(?:capital expenditures?|capex|capital spending)(?: as a (?:percentage|share|%) of (?:revenue|net sales|sales)| intensity)",
     "capex_share"),
    (r"capital (?:expenditures?|spending|outlays?)|capex|purchases of property(?:, plant)? and equipment", "capex"),
    (r"(?:r&d|research and development)(?: (?:spending|expenses?))? as a (?:percentage|share|%) of (?:revenue|net sales|sales)|"
     r"r&d intensity", "r_and_d_share"),
    (r"r&d(?: (?:spending|expenses?|costs?))?|research (?:and|&) development(?: (?:spending|expenses?|costs?))?", "r_and_d"),
    (r"(?:sg&a|selling, general,? and administrative)(?: expenses?)? as a (?:percentage|share|%) of (?:revenue|net sales|sales)",
     "sg_and_a_share"),
    (r"sg&a(?: expenses?)?|selling, general,? and administrative(?: expenses?)?", "sg_and_a"),
    (r"technology and (?:content|development)(?: (?:spending|expenses?|costs?))?", "technology_expense"),
    (r"gross profits?", "gross_profit"),
    (r"cost of (?:revenues?|sales|goods sold)|cogs", "cost_of_revenue"),
    (r"(?:operating cash flows?|cash flows? from operati(?:ng activities|ons)|cash (?:generated|provided) by operating activities|"
     r"cash from operations)", "operating_cash_flow"),
    (r"(?:investing cash flows?|cash flows? from investing activities|cash used in investing activities)", "investing_cash_flow"),
    (r"(?:financing cash flows?|cash flows? from financing activities|cash used in financing activities)", "financing_cash_flow"),
    (r"cash flows?", "cash_flow"),
    (r"cash and (?:cash equivalents and )?(?:marketable securities|short-term investments)", "cash_and_short_term_investments"),
    (r"cash and cash equivalents|cash (?:balance|position|pile)", "cash"),
    (r"operating expenses|opex", "operating_expenses"),
    (r"operating (?:income|profits?|earnings|loss)|income from operations|ebit", "operating_income"),
    (r"(?:income|earnings|profit) before (?:income )?tax(?:es)?|pre-?tax (?:income|profit|earnings)", "pretax_income"),
    (r"(?:provision for )?income tax(?:es)?(?: expense)?|tax expense", "income_tax"),
    (r"diluted (?:eps|earnings per (?:common )?share)|eps|earnings per (?:common |diluted )?share", "eps_diluted"),
    (r"basic (?:eps|earnings per (?:common )?share)", "eps_basic"),
    (r"dividends? per share", "dividends_per_share"),
    (r"dividends? paid|dividend payments?|dividends", "dividends_paid"),
    (r"(?:share|stock) (?:re|buy)[- ]?(?:purchases?|backs?)|buy-?backs?|repurchases? of common stock|stock repurchases?", "buybacks"),
    (r"(?:stock|share)-based compensation(?: expense)?", "stock_compensation"),
    (r"depreciation(?: and amortization)?|d&a", "d_and_a"),
    (r"interest expense", "interest_expense"),
    (r"net (?:income|earnings|profit|loss)|bottom line", "net_income"),
    (r"inventor(?:y|ies)", "inventory"),
    (r"(?:accounts |trade )?receivables?", "receivables"),
    (r"(?:accounts |trade )payables?|payables", "accounts_payable"),
    (r"deferred revenue|unearned revenue", "deferred_revenue"),
    (r"total current assets|current assets", "current_assets"),
    (r"total current liabilities|current liabilities", "current_liabilities"),
    (r"total assets", "total_assets"),
    (r"total liabilities", "total_liabilities"),
    (r"long-term debt", "long_term_debt"),
    (r"short-term debt|short-term borrowings", "short_term_debt"),
    (r"(?:property, plant,? and equipment|property and equipment|pp&e)", "ppe_net"),
    (r"goodwill", "goodwill"),
    (r"retained earnings|accumulated deficit", "retained_earnings"),
    (r"(?:shareholders|stockholders)'? equity|total equity|book value", "equity"),
    (r"marketable securities|short-term investments", "short_term_investments"),
    (r"(?:diluted )?(?:weighted[- ]average )?shares outstanding|share count", "shares_diluted"),
    (r"segments?|business lines?", "segments"),
    (r"net sales", "net_sales"),
    (r"revenues?|total (?:net )?sales|sales|top line|turnover", "revenue"),
    (r"profits?|profitab(?:le|ility)|earnings", "net_income"),
)  # fmt: skip
