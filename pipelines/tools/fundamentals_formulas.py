"""The formulas of derived measures, one row each: what they read, how they are computed, in which unit.

In an expression `{revenue}` is the reported figure of the period, `{~inventory}` the mean of the balances at its
start and end, `{#long_term_debt}` a figure that counts as nothing where the filing has none. Costs and outflows are
printed with either sign, so ABS() takes the amount.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Formula:
    """A derived measure. `expressions` are tried in order; the first whose figures all exist is used.

    `unit` is 'fraction', 'multiple', 'days' or 'money'; `method` says the formula and its convention in words.
    """

    measure: str
    label: str
    unit: str
    expressions: tuple[tuple[str, str], ...]  # (expression, method)
    days: bool = False  # multiplied by the days of the year: only for whole years

    @property
    def instant(self) -> bool:
        """Whether all it reads are balances at one date."""
        return self.measure in _INSTANT


_INSTANT = {
    "current_ratio",
    "quick_ratio",
    "cash_ratio",
    "debt_to_equity",
    "net_debt",
    "total_debt",
    "working_capital",
    "debt_to_assets",
    "liabilities_to_assets",
    "equity_ratio",
}
_DEBT = "({long_term_debt} + {#current_long_term_debt} + {#short_term_debt} + {#commercial_paper})"
_DEBT_WORDS = "long-term debt with its current portion, short-term borrowings and commercial paper, without leases"
_LIQUID = "({cash} + {#short_term_investments})"
_LIQUID_WORDS = "cash and cash equivalents and current marketable securities"


def _one(measure: str, label: str, unit: str, expression: str, method: str, *, days: bool = False) -> Formula:
    return Formula(measure, label, unit, ((expression, method),), days)


def _of_revenue(measure: str, label: str, concept: str, words: str) -> Formula:
    return _one(measure, label, "fraction", f"ABS({{{concept}}}) / {{revenue}}", f"{words} / total revenue")


_ALL: tuple[Formula, ...] = (
    Formula(
        "gross_profit",
        "gross profit",
        "money",
        (("{revenue} - ABS({cost_of_revenue})", "total revenue - cost of revenue (no gross profit is printed)"),),
    ),
    Formula(
        "gross_margin",
        "gross margin",
        "fraction",
        (
            ("{gross_profit} / {revenue}", "gross profit / total revenue"),
            ("({revenue} - ABS({cost_of_revenue})) / {revenue}", "(total revenue - cost of revenue) / total revenue"),
        ),
    ),
    _one(
        "operating_margin",
        "operating margin",
        "fraction",
        "{operating_income} / {revenue}",
        "operating income / total revenue",
    ),
    _one(
        "pretax_margin",
        "pretax margin",
        "fraction",
        "{pretax_income} / {revenue}",
        "income before taxes / total revenue",
    ),
    _one(
        "net_margin",
        "net margin",
        "fraction",
        "{net_income} / {revenue}",
        "net income attributable to the company / total revenue",
    ),
    _one(
        "effective_tax_rate",
        "effective tax rate",
        "fraction",
        "{income_tax} / {pretax_income}",
        "provision for income taxes / income before taxes",
    ),
    _one(
        "free_cash_flow",
        "free cash flow",
        "money",
        "{operating_cash_flow} - ABS({capex})",
        "net cash from operating activities - purchases of property and equipment",
    ),
    _one(
        "fcf_margin",
        "free cash flow margin",
        "fraction",
        "({operating_cash_flow} - ABS({capex})) / {revenue}",
        "(net cash from operating activities - purchases of property and equipment) / total revenue",
    ),
    _one(
        "operating_cash_flow_margin",
        "operating cash flow margin",
        "fraction",
        "{operating_cash_flow} / {revenue}",
        "net cash from operating activities / total revenue",
    ),
    _one(
        "cash_conversion",
        "cash conversion",
        "fraction",
        "({operating_cash_flow} - ABS({capex})) / {net_income}",
        "free cash flow / net income attributable to the company",
    ),
    _of_revenue(
        "capex_share", "capital expenditures as a share of revenue", "capex", "purchases of property and equipment"
    ),
    _of_revenue(
        "r_and_d_share", "research and development as a share of revenue", "r_and_d", "research and development"
    ),
    Formula(
        "sg_and_a_share",
        "selling, general and administrative expenses as a share of revenue",
        "fraction",
        (
            ("ABS({sg_and_a}) / {revenue}", "selling, general and administrative expenses / total revenue"),
            (
                "(ABS({sales_and_marketing}) + ABS({general_and_administrative})) / {revenue}",
                "(sales and marketing + general and administrative expenses) / total revenue",
            ),
        ),
    ),
    _one(
        "ebitda",
        "EBITDA",
        "money",
        "{operating_income} + {d_and_a}",
        "operating income + depreciation and amortization of the cash flow statement",
    ),
    _one(
        "ebitda_margin",
        "EBITDA margin",
        "fraction",
        "({operating_income} + {d_and_a}) / {revenue}",
        "(operating income + depreciation and amortization of the cash flow statement) / total revenue",
    ),
    _one(
        "current_ratio",
        "current ratio",
        "multiple",
        "{current_assets} / {current_liabilities}",
        "current assets / current liabilities",
    ),
    _one(
        "quick_ratio",
        "quick ratio",
        "multiple",
        "({cash} + {#short_term_investments} + {receivables}) / {current_liabilities}",
        f"({_LIQUID_WORDS} and receivables) / current liabilities",
    ),
    _one(
        "cash_ratio",
        "cash ratio",
        "multiple",
        f"{_LIQUID} / {{current_liabilities}}",
        f"({_LIQUID_WORDS}) / current liabilities",
    ),
    _one(
        "working_capital",
        "working capital",
        "money",
        "{current_assets} - {current_liabilities}",
        "current assets - current liabilities",
    ),
    _one("total_debt", "total debt", "money", _DEBT, _DEBT_WORDS),
    _one("net_debt", "net debt", "money", f"{_DEBT} - {_LIQUID}", f"({_DEBT_WORDS}) - ({_LIQUID_WORDS})"),
    _one(
        "debt_to_equity",
        "debt to equity",
        "multiple",
        f"{_DEBT} / {{equity}}",
        f"({_DEBT_WORDS}) / shareholders' equity",
    ),
    _one(
        "liabilities_to_assets",
        "liabilities to assets",
        "fraction",
        "{total_liabilities} / {total_assets}",
        "total liabilities / total assets",
    ),
    _one(
        "return_on_assets",
        "return on assets",
        "fraction",
        "{net_income} / {~total_assets}",
        "net income attributable to the company / average total assets",
    ),
    _one(
        "return_on_equity",
        "return on equity",
        "fraction",
        "{net_income} / {~equity}",
        "net income attributable to the company / average shareholders' equity",
    ),
    _one(
        "asset_turnover",
        "asset turnover",
        "multiple",
        "{revenue} / {~total_assets}",
        "total revenue / average total assets",
    ),
    _one(
        "fixed_asset_turnover",
        "fixed asset turnover",
        "multiple",
        "{revenue} / {~ppe_net}",
        "total revenue / average net property and equipment",
    ),
    _one(
        "inventory_turnover",
        "inventory turnover",
        "multiple",
        "ABS({cost_of_revenue}) / {~inventory}",
        "cost of revenue / average inventories",
    ),
    _one(
        "days_inventory_outstanding",
        "days of inventory outstanding",
        "days",
        "365 * {~inventory} / ABS({cost_of_revenue})",
        "365 x average inventories / cost of revenue",
        days=True,
    ),
    _one(
        "days_sales_outstanding",
        "days of sales outstanding",
        "days",
        "365 * {~receivables} / {revenue}",
        "365 x average receivables / total revenue",
        days=True,
    ),
    _one(
        "days_payable_outstanding",
        "days of payables outstanding",
        "days",
        "365 * {~accounts_payable} / ABS({cost_of_revenue})",
        "365 x average accounts payable / cost of revenue",
        days=True,
    ),
    _one(
        "cash_conversion_cycle",
        "cash conversion cycle",
        "days",
        "365 * {~inventory} / ABS({cost_of_revenue}) + 365 * {~receivables} / {revenue}"
        " - 365 * {~accounts_payable} / ABS({cost_of_revenue})",
        "days of inventory + days of sales - days of payables, each on average balances and 365 days",
        days=True,
    ),
    Formula(
        "interest_coverage",
        "interest coverage",
        "multiple",
        (
            ("{operating_income} / ABS({interest_expense})", "operating income / interest expense"),
            ("{operating_income} / ABS({interest_net})", "operating income / interest expense net of interest income"),
        ),
    ),
    _one(
        "dividend_payout",
        "dividend payout ratio",
        "fraction",
        "ABS({dividends_paid}) / {net_income}",
        "dividends paid / net income attributable to the company",
    ),
)

FORMULAS: dict[str, Formula] = {formula.measure: formula for formula in _ALL}
