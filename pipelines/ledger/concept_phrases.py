"""How people name measures in questions and sentences, as regular expressions over lower-case text."""

from __future__ import annotations

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
    (
        r"(?:capital expenditures?|capex|capital spending)"
        r"(?: as a (?:percentage|share|%) of (?:revenue|net sales|sales)| intensity)",
        "capex_share",
    ),
    (r"capital (?:expenditures?|spending|outlays?)|capex|purchases of property(?:, plant)? and equipment", "capex"),
    (
        r"(?:r&d|research and development)(?: (?:spending|expenses?))?"
        r" as a (?:percentage|share|%) of (?:revenue|net sales|sales)|"
        r"r&d intensity",
        "r_and_d_share",
    ),
    (
        r"r&d(?: (?:spending|expenses?|costs?))?|research (?:and|&) development(?: (?:spending|expenses?|costs?))?",
        "r_and_d",
    ),
    (
        r"(?:sg&a|selling, general,? and administrative)(?: expenses?)?"
        r" as a (?:percentage|share|%) of (?:revenue|net sales|sales)",
        "sg_and_a_share",
    ),
    (r"sg&a(?: expenses?)?|selling, general,? and administrative(?: expenses?)?", "sg_and_a"),
    (r"technology and (?:content|development)(?: (?:spending|expenses?|costs?))?", "technology_expense"),
    (r"gross profits?", "gross_profit"),
    (r"cost of (?:revenues?|sales|goods sold)|cogs", "cost_of_revenue"),
    (
        r"(?:operating cash flows?|cash flows? from operati(?:ng activities|ons)|"
        r"cash (?:generated|provided) by operating activities|"
        r"cash from operations)",
        "operating_cash_flow",
    ),
    (
        r"(?:investing cash flows?|cash flows? from investing activities|cash used in investing activities)",
        "investing_cash_flow",
    ),
    (
        r"(?:financing cash flows?|cash flows? from financing activities|cash used in financing activities)",
        "financing_cash_flow",
    ),
    (r"cash flows?", "cash_flow"),
    (
        r"cash and (?:cash equivalents and )?(?:marketable securities|short-term investments)",
        "cash_and_short_term_investments",
    ),
    (r"cash and cash equivalents|cash (?:balance|position|pile)", "cash"),
    (r"operating expenses|opex", "operating_expenses"),
    (r"operating (?:income|profits?|earnings|loss)|income from operations|ebit", "operating_income"),
    (r"(?:income|earnings|profit) before (?:income )?tax(?:es)?|pre-?tax (?:income|profit|earnings)", "pretax_income"),
    (r"(?:provision for )?income tax(?:es)?(?: expense)?|tax expense", "income_tax"),
    (r"diluted (?:eps|earnings per (?:common )?share)|eps|earnings per (?:common |diluted )?share", "eps_diluted"),
    (r"basic (?:eps|earnings per (?:common )?share)", "eps_basic"),
    (r"dividends? per share", "dividends_per_share"),
    (r"dividends? paid|dividend payments?|dividends", "dividends_paid"),
    (
        r"(?:share|stock) (?:re|buy)[- ]?(?:purchases?|backs?)|buy-?backs?|"
        r"repurchases? of common stock|stock repurchases?",
        "buybacks",
    ),
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
)
