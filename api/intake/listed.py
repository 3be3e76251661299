"""The tables in which data on listed firms circulate, recognised by their headings.

Firms with their credit codes, products, the five largest suppliers and customers that annual reports disclose, and
narrower products (产品小类). They name a firm by its stock code, ``002039.SZ``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as made
from typing import Any

from api.intake.tables import Column, Form

SUPPLIERS_SOURCE = "年报前五名供应商"
CUSTOMERS_SOURCE = "年报前五名客户"
"""Under this source a link's rank is among the seller's customers, not among the buyer's suppliers."""
PRODUCTS_SOURCE = "产品小类"
DISCLOSED = 90
"""How far a disclosure in an audited annual report is trusted, of 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedForm:
    """A form whose rows say some things by being in that file at all."""

    form: Form
    constants: Mapping[str, Any] = made(default_factory=dict)


def _form(key: str, **columns: str) -> Form:
    """Return a form from ``field="heading reader"`` or, where it must be there, ``field="heading reader!"``."""
    made_columns = []
    for field, described in columns.items():
        heading, read = described.split()
        made_columns.append(
            Column(
                field=field,
                zh=heading,
                en=heading,
                read=read.rstrip("!"),
                required=read.endswith("!"),
                money=field == "registered_capital",
            )
        )
    return Form(key=key, zh=key, en=key, columns=tuple(made_columns))


FIRMS = ListedForm(
    form=_form(
        "company_basic",
        stock_code="stock_code code!",
        name="company_name text!",
        credit_code="unified_credit_code code",
        short_name="short_name text",
        name_en="name_en_short text",
        ownership="ownership text",
        founded="founded day",
        registered_capital="registered_capital number",
        business_scope="business_scope text",
        province="province text",
        city="city text",
        industry="csrc_industry text",
        industry_code="csrc_industry_code industry_code",
    )
)
CAPABILITIES = ListedForm(form=_form("company_product", firm="stock_code code!", phrase="product text!"))
SUPPLIERS = ListedForm(
    form=_form(
        "suppliers",
        buyer="buyer_stock_code code!",
        supplier="supplier_name text",
        year="report_year whole!",
        rank="rank whole",
        share="purchase_share_pct percent",
    ),
    constants={"source": SUPPLIERS_SOURCE, "confidence": DISCLOSED},
)
CUSTOMERS = ListedForm(
    form=_form(
        "customers",
        supplier="seller_stock_code code!",
        buyer="customer_name text",
        year="report_year whole!",
        rank="rank whole",
        sales_share="sales_share_pct percent",
    ),
    constants={"source": CUSTOMERS_SOURCE, "confidence": DISCLOSED},
)
PRODUCTS = ListedForm(
    form=_form("product_subtype", broader="from_product text!", narrower="to_product text!"),
    constants={"source": PRODUCTS_SOURCE},
)
