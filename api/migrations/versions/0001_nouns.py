"""Every noun of the platform: firms and what they can do, projects, consortia, promises, events, imports.

Revision ID: 0001
Revises: none
"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "import_batch",
    "organisation",
    "organisation_alias",
    "user_account",
    "sign_in",
    "sign_in_throttle",
    "capability",
    "capability_price",
    "capacity_month",
    "certificate",
    "supply_link",
    "narrower_product",
    "phrase_vector",
    "opportunity",
    "work_package",
    "requirement",
    "job",
    "suggestion",
    "consortium",
    "membership",
    "terms",
    "terms_line",
    "invitation",
    "capacity_hold",
    "agreement",
    "signature",
    "event",
    "idempotency_key",
)


def upgrade() -> None:
    """Create the tables in the order of their references."""
    op.execute("create extension if not exists vector")
    op.create_table(
        "import_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("written", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("report", JSONB(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.CheckConstraint(
            "kind in ('firms', 'capabilities', 'links', 'opportunities', 'products')",
            name=op.f("ck_import_batch_import_kind"),
        ),
        sa.CheckConstraint(
            "state in ('running', 'done', 'refused', 'failed', 'undone')", name=op.f("ck_import_batch_batch_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
    )
    op.create_index(op.f("ix_import_batch_organisation_id"), "import_batch", ["organisation_id"])
    op.create_table(
        "organisation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=True),
        sa.Column("short_name", sa.String(length=80), nullable=True),
        sa.Column("credit_code", sa.String(length=18), nullable=True),
        sa.Column("lei", sa.String(length=20), nullable=True),
        sa.Column("registered", sa.Boolean(), nullable=False),
        sa.Column("roles", ARRAY(sa.Text()), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("province", sa.String(length=40), nullable=True),
        sa.Column("city", sa.String(length=40), nullable=True),
        sa.Column("industry", sa.String(length=120), nullable=True),
        sa.Column("industry_code", sa.String(length=12), nullable=True),
        sa.Column("ownership", sa.String(length=60), nullable=True),
        sa.Column("founded", sa.Date(), nullable=True),
        sa.Column("registered_capital", sa.BigInteger(), nullable=True),
        sa.Column("turnover", sa.BigInteger(), nullable=True),
        sa.Column("business_scope", sa.Text(), nullable=True),
        sa.Column("sme", sa.Boolean(), nullable=True),
        sa.Column("grades", JSONB(), nullable=False),
        sa.Column("group_name", sa.String(length=120), nullable=True),
        sa.Column("verification", sa.Integer(), nullable=False),
        sa.Column("demonstration", sa.Boolean(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "roles <@ array['chain_leader', 'supplier', 'service_provider', 'bureau', 'operator']::text[]",
            name=op.f("ck_organisation_roles"),
        ),
        sa.CheckConstraint(
            "not registered or credit_code is not null or lei is not null", name=op.f("ck_organisation_identity")
        ),
        sa.CheckConstraint("verification between 0 and 3", name=op.f("ck_organisation_verification")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_organisation_batch_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("credit_code", name=op.f("uq_organisation_credit_code")),
        sa.UniqueConstraint("lei", name=op.f("uq_organisation_lei")),
    )
    op.create_index(op.f("ix_organisation_batch_id"), "organisation", ["batch_id"])
    op.create_index(op.f("ix_organisation_city"), "organisation", ["city"])
    op.create_index(op.f("ix_organisation_name"), "organisation", ["name"])
    op.create_index(
        op.f("uq_organisation_named"), "organisation", ["name"], unique=True, postgresql_where=sa.text("not registered")
    )
    op.create_table(
        "organisation_alias",
        sa.Column("scheme", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_organisation_alias_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("scheme", "value", name=op.f("pk_organisation_alias")),
    )
    op.create_index(op.f("ix_organisation_alias_organisation_id"), "organisation_alias", ["organisation_id"])
    op.create_table(
        "user_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("locale", sa.String(length=10), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_user_account_organisation_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("email", name=op.f("uq_user_account_email")),
    )
    op.create_index(op.f("ix_user_account_organisation_id"), "user_account", ["organisation_id"])
    op.create_table(
        "sign_in",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=True),
        sa.Column("browser", sa.Boolean(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name=op.f("ck_sign_in_secret_hash")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_sign_in_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_sign_in_secret_hash")),
    )
    op.create_index(op.f("ix_sign_in_user_id"), "sign_in", ["user_id"])
    op.create_table(
        "sign_in_throttle",
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_sign_in_throttle")),
    )
    op.create_table(
        "capability",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("phrase", sa.String(length=200), nullable=False),
        sa.Column("phrase_en", sa.String(length=200), nullable=True),
        sa.Column("code_system", sa.String(length=12), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=3), nullable=True),
        sa.Column("monthly_quantity", sa.Integer(), nullable=True),
        sa.Column("lead_days", sa.Integer(), nullable=True),
        sa.Column("countries", ARRAY(sa.Text()), nullable=False),
        sa.Column("verification", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("capacity_disclosure", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("capacity_disclosure in ('solver', 'matched')", name=op.f("ck_capability_disclosure")),
        sa.CheckConstraint("state in ('declared', 'retired')", name=op.f("ck_capability_capability_state")),
        sa.CheckConstraint("(monthly_quantity is null) or (unit is not null)", name=op.f("ck_capability_unit")),
        sa.CheckConstraint("monthly_quantity >= 0", name=op.f("ck_capability_monthly_quantity")),
        sa.CheckConstraint(
            "valid_to is null or valid_from is null or valid_to >= valid_from", name=op.f("ck_capability_validity")
        ),
        sa.CheckConstraint("verification between 0 and 3", name=op.f("ck_capability_verification")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_capability_batch_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_capability_organisation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capability")),
        sa.UniqueConstraint("id", "organisation_id", name=op.f("uq_capability_id_organisation_id")),
        sa.UniqueConstraint(
            "organisation_id", "phrase", "code", name=op.f("uq_capability_organisation_id_phrase_code")
        ),
    )
    op.create_index(op.f("ix_capability_batch_id"), "capability", ["batch_id"])
    op.create_index(op.f("ix_capability_organisation_id"), "capability", ["organisation_id"])
    op.create_index(op.f("ix_capability_phrase"), "capability", ["phrase"])
    op.create_table(
        "capability_price",
        sa.Column("capability_id", sa.Uuid(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("disclosure", sa.String(20), nullable=False),
        sa.CheckConstraint("disclosure in ('solver', 'matched')", name=op.f("ck_capability_price_disclosure")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_capability_price_unit_price")),
        sa.ForeignKeyConstraint(
            ["capability_id"], ["capability.id"], name=op.f("fk_capability_price_capability_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("capability_id", name=op.f("pk_capability_price")),
    )
    op.create_table(
        "capacity_month",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("capability_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("declared", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.CheckConstraint("declared >= 0", name=op.f("ck_capacity_month_declared")),
        sa.CheckConstraint("extract(day from month) = 1", name=op.f("ck_capacity_month_month")),
        sa.CheckConstraint("reserved >= 0 and reserved <= declared", name=op.f("ck_capacity_month_no_overcommit")),
        sa.ForeignKeyConstraint(
            ["capability_id", "organisation_id"],
            ["capability.id", "capability.organisation_id"],
            name="fk_capacity_month_capability",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacity_month")),
        sa.UniqueConstraint("capability_id", "month", name=op.f("uq_capacity_month_capability_id_month")),
    )
    op.create_table(
        "certificate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.String(length=80), nullable=False),
        sa.Column("number", sa.String(length=80), nullable=True),
        sa.Column("issuer", sa.String(length=120), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("verification", sa.Integer(), nullable=False),
        sa.CheckConstraint("valid_to is null or valid_from <= valid_to", name=op.f("ck_certificate_validity")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_certificate_organisation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate")),
    )
    op.create_index(op.f("ix_certificate_organisation_id"), "certificate", ["organisation_id"])
    op.create_table(
        "supply_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("share", sa.Integer(), nullable=True),
        sa.Column("sales_share", sa.Integer(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("product", sa.String(length=200), nullable=True),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("confidence", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind in ('supplies', 'partnered')", name=op.f("ck_supply_link_link_kind")),
        sa.CheckConstraint("confidence between 0 and 100", name=op.f("ck_supply_link_confidence")),
        sa.CheckConstraint("share between 0 and 10000", name=op.f("ck_supply_link_share")),
        sa.CheckConstraint("sales_share between 0 and 10000", name=op.f("ck_supply_link_sales_share")),
        sa.CheckConstraint("supplier_id <> buyer_id", name=op.f("ck_supply_link_two_firms")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_supply_link_batch_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["buyer_id"], ["organisation.id"], name=op.f("fk_supply_link_buyer_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["organisation.id"], name=op.f("fk_supply_link_supplier_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supply_link")),
        sa.UniqueConstraint(
            "supplier_id",
            "buyer_id",
            "kind",
            "year",
            "source",
            name=op.f("uq_supply_link_supplier_id_buyer_id_kind_year_source"),
        ),
    )
    op.create_index(op.f("ix_supply_link_batch_id"), "supply_link", ["batch_id"])
    op.create_index(op.f("ix_supply_link_buyer_id"), "supply_link", ["buyer_id"])
    op.create_index(op.f("ix_supply_link_supplier_id"), "supply_link", ["supplier_id"])
    op.create_table(
        "narrower_product",
        sa.Column("broader", sa.String(length=200), nullable=False),
        sa.Column("narrower", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_narrower_product_batch_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("broader", "narrower", name=op.f("pk_narrower_product")),
    )
    op.create_index(op.f("ix_narrower_product_batch_id"), "narrower_product", ["batch_id"])
    op.create_index(op.f("ix_narrower_product_narrower"), "narrower_product", ["narrower"])
    op.create_table(
        "phrase_vector",
        sa.Column("phrase", sa.String(length=200), nullable=False),
        sa.Column("sentence", VECTOR(512), nullable=True),
        sa.Column("passage", VECTOR(384), nullable=True),
        sa.PrimaryKeyConstraint("phrase", name=op.f("pk_phrase_vector")),
    )
    op.create_table(
        "opportunity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("title_en", sa.String(length=200), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("place", sa.String(length=120), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("budget", sa.BigInteger(), nullable=True),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("visibility", sa.String(20), nullable=False),
        sa.Column("procuring_law", sa.String(length=40), nullable=True),
        sa.Column("financier", sa.String(length=120), nullable=True),
        sa.Column("rules", JSONB(), nullable=False),
        sa.Column("goals", JSONB(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=True),
        sa.Column("source_reference", sa.String(length=200), nullable=True),
        sa.Column("demonstration", sa.Boolean(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("visibility in ('public', 'verified', 'invited')", name=op.f("ck_opportunity_visibility")),
        sa.CheckConstraint(
            "state in ('draft', 'review', 'published', 'closed', 'withdrawn')",
            name=op.f("ck_opportunity_opportunity_state"),
        ),
        sa.CheckConstraint("budget > 0", name=op.f("ck_opportunity_budget")),
        sa.CheckConstraint("ends >= starts", name=op.f("ck_opportunity_period")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_opportunity_batch_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_opportunity_organisation_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opportunity")),
    )
    op.create_index(op.f("ix_opportunity_batch_id"), "opportunity", ["batch_id"])
    op.create_index(op.f("ix_opportunity_country"), "opportunity", ["country"])
    op.create_index(op.f("ix_opportunity_organisation_id"), "opportunity", ["organisation_id"])
    op.create_index(op.f("ix_opportunity_state"), "opportunity", ["state"])
    op.create_table(
        "work_package",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("unit", sa.String(length=3), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("min_suppliers", sa.Integer(), nullable=False),
        sa.Column("max_suppliers", sa.Integer(), nullable=False),
        sa.Column("min_share", sa.Integer(), nullable=False),
        sa.Column("max_share", sa.Integer(), nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("specialty", sa.String(length=40), nullable=True),
        sa.Column("follows", ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint("kind in ('goods', 'works', 'services')", name=op.f("ck_work_package_package_kind")),
        sa.CheckConstraint(
            "0 <= min_share and min_share <= max_share and max_share <= 10000", name=op.f("ck_work_package_shares")
        ),
        sa.CheckConstraint("ends >= starts", name=op.f("ck_work_package_period")),
        sa.CheckConstraint("min_suppliers between 1 and max_suppliers", name=op.f("ck_work_package_suppliers")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_work_package_quantity")),
        sa.CheckConstraint("value >= 0", name=op.f("ck_work_package_value")),
        sa.ForeignKeyConstraint(
            ["opportunity_id"], ["opportunity.id"], name=op.f("fk_work_package_opportunity_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_package")),
        sa.UniqueConstraint("opportunity_id", "code", name=op.f("uq_work_package_opportunity_id_code")),
    )
    op.create_index(op.f("ix_work_package_opportunity_id"), "work_package", ["opportunity_id"])
    op.create_table(
        "requirement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("phrase", sa.String(length=200), nullable=True),
        sa.Column("code_system", sa.String(length=12), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("threshold", sa.Integer(), nullable=True),
        sa.Column("mandatory", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "kind in ('capability', 'certificate', 'grade', 'country', 'lead_time', 'verification')",
            name=op.f("ck_requirement_requirement_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["package_id"], ["work_package.id"], name=op.f("fk_requirement_package_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requirement")),
    )
    op.create_index(op.f("ix_requirement_package_id"), "requirement", ["package_id"])
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("progress", JSONB(), nullable=False),
        sa.Column("outcome", JSONB(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_job_run_state")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_job_organisation_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_job_user_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index(op.f("ix_job_kind"), "job", ["kind"])
    op.create_index(op.f("ix_job_organisation_id"), "job", ["organisation_id"])
    op.create_index(op.f("ix_job_subject_id"), "job", ["subject_id"])
    op.create_index(op.f("ix_job_user_id"), "job", ["user_id"])
    op.create_table(
        "suggestion",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("stopped", sa.String(length=20), nullable=False),
        sa.Column("gap", sa.Float(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.Column("within_budget", sa.Boolean(), nullable=True),
        sa.Column("plans", JSONB(), nullable=False),
        sa.Column("missing", JSONB(), nullable=False),
        sa.Column("diagnosis", JSONB(), nullable=False),
        sa.Column("coverage", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_suggestion_job_id")),
        sa.ForeignKeyConstraint(
            ["opportunity_id"], ["opportunity.id"], name=op.f("fk_suggestion_opportunity_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestion")),
        sa.UniqueConstraint("job_id", name=op.f("uq_suggestion_job_id")),
    )
    op.create_index(op.f("ix_suggestion_opportunity_id"), "suggestion", ["opportunity_id"])
    op.create_table(
        "consortium",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("suggestion_id", sa.Uuid(), nullable=True),
        sa.Column("plan", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("performance", sa.String(length=20), nullable=False),
        sa.Column("liability", sa.String(length=20), nullable=False),
        sa.Column("is_incorporated", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.CheckConstraint(
            "state in ('forming', 'agreed', 'signed', 'filed', 'bid', 'won', 'running', 'closed', 'lost', 'dissolved')",
            name=op.f("ck_consortium_consortium_state"),
        ),
        sa.ForeignKeyConstraint(
            ["opportunity_id"], ["opportunity.id"], name=op.f("fk_consortium_opportunity_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_consortium_organisation_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["suggestion_id"], ["suggestion.id"], name=op.f("fk_consortium_suggestion_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consortium")),
    )
    op.create_index(op.f("ix_consortium_opportunity_id"), "consortium", ["opportunity_id"])
    op.create_index(op.f("ix_consortium_organisation_id"), "consortium", ["organisation_id"])
    op.create_index(op.f("ix_consortium_state"), "consortium", ["state"])
    op.create_index(op.f("ix_consortium_suggestion_id"), "consortium", ["suggestion_id"])
    op.create_table(
        "membership",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("consortium_id", sa.Uuid(), nullable=False),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("lead", sa.Boolean(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.CheckConstraint(
            "state in ('proposed', 'invited', 'accepted', 'countered', 'declined', 'expired', 'signed', 'active',"
            " 'withdrawn', 'replaced')",
            name=op.f("ck_membership_membership_state"),
        ),
        sa.ForeignKeyConstraint(
            ["consortium_id"], ["consortium.id"], name=op.f("fk_membership_consortium_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["opportunity_id"], ["opportunity.id"], name=op.f("fk_membership_opportunity_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_membership_organisation_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id"], ["membership.id"], name=op.f("fk_membership_replaces_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_consortium_id"), "membership", ["consortium_id"])
    op.create_index(op.f("ix_membership_opportunity_id"), "membership", ["opportunity_id"])
    op.create_index(op.f("ix_membership_organisation_id"), "membership", ["organisation_id"])
    op.create_index(op.f("ix_membership_replaces_id"), "membership", ["replaces_id"])
    op.create_index(
        op.f("uq_membership_lead"),
        "membership",
        ["consortium_id"],
        unique=True,
        postgresql_where=sa.text("lead and state not in ('declined', 'expired', 'withdrawn', 'replaced')"),
    )
    op.create_index(
        op.f("uq_membership_one_consortium_per_opportunity"),
        "membership",
        ["opportunity_id", "organisation_id"],
        unique=True,
        postgresql_where=sa.text("state in ('accepted', 'signed', 'active')"),
    )
    op.create_index(
        op.f("uq_membership_seat"),
        "membership",
        ["consortium_id", "organisation_id"],
        unique=True,
        postgresql_where=sa.text("state not in ('declined', 'expired', 'withdrawn', 'replaced')"),
    )
    op.create_table(
        "terms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_terms_membership_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_terms_organisation_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms")),
        sa.UniqueConstraint("membership_id", "edition", name=op.f("uq_terms_membership_id_edition")),
    )
    op.create_index(op.f("ix_terms_membership_id"), "terms", ["membership_id"])
    op.create_index(op.f("ix_terms_organisation_id"), "terms", ["organisation_id"])
    op.create_table(
        "terms_line",
        sa.Column("terms_id", sa.Uuid(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("capability_id", sa.Uuid(), nullable=True),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.CheckConstraint("share between 1 and 10000", name=op.f("ck_terms_line_share")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_terms_line_unit_price")),
        sa.CheckConstraint("units > 0", name=op.f("ck_terms_line_units")),
        sa.ForeignKeyConstraint(
            ["capability_id"], ["capability.id"], name=op.f("fk_terms_line_capability_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["package_id"], ["work_package.id"], name=op.f("fk_terms_line_package_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["terms_id"], ["terms.id"], name=op.f("fk_terms_line_terms_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("terms_id", "package_id", name=op.f("pk_terms_line")),
    )
    op.create_index(op.f("ix_terms_line_capability_id"), "terms_line", ["capability_id"])
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.CheckConstraint(
            "state in ('sent', 'accepted', 'countered', 'declined', 'expired', 'withdrawn', 'superseded')",
            name=op.f("ck_invitation_invitation_state"),
        ),
        sa.CheckConstraint("deadline > sent_at", name=op.f("ck_invitation_deadline")),
        sa.ForeignKeyConstraint(
            ["answered_by"], ["user_account.id"], name=op.f("fk_invitation_answered_by"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_invitation_membership_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("membership_id", "edition", name=op.f("uq_invitation_membership_id_edition")),
    )
    op.create_index(op.f("ix_invitation_answered_by"), "invitation", ["answered_by"])
    op.create_index(op.f("ix_invitation_membership_id"), "invitation", ["membership_id"])
    op.create_table(
        "capacity_hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("capacity_month_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.CheckConstraint(
            "state in ('soft', 'hard', 'released', 'expired')", name=op.f("ck_capacity_hold_hold_state")
        ),
        sa.CheckConstraint("state <> 'soft' or expires_at is not null", name=op.f("ck_capacity_hold_expiry")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_capacity_hold_quantity")),
        sa.ForeignKeyConstraint(
            ["capacity_month_id"], ["capacity_month.id"], name=op.f("fk_capacity_hold_capacity_month_id")
        ),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_capacity_hold_membership_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacity_hold")),
    )
    op.create_index(op.f("ix_capacity_hold_capacity_month_id"), "capacity_hold", ["capacity_month_id"])
    op.create_index(op.f("ix_capacity_hold_membership_id"), "capacity_hold", ["membership_id"])
    op.create_index(
        op.f("uq_capacity_hold_live"),
        "capacity_hold",
        ["membership_id", "capacity_month_id"],
        unique=True,
        postgresql_where=sa.text("state in ('soft', 'hard')"),
    )
    op.create_table(
        "agreement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("consortium_id", sa.Uuid(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_agreement_sha256")),
        sa.ForeignKeyConstraint(
            ["consortium_id"], ["consortium.id"], name=op.f("fk_agreement_consortium_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
        sa.UniqueConstraint("consortium_id", "edition", name=op.f("uq_agreement_consortium_id_edition")),
        sa.UniqueConstraint("id", "sha256", name=op.f("uq_agreement_id_sha256")),
    )
    op.create_index(op.f("ix_agreement_consortium_id"), "agreement", ["consortium_id"])
    op.create_table(
        "signature",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement_id", "sha256"], ["agreement.id", "agreement.sha256"], name="fk_signature_agreement"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_signature_organisation_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_signature_user_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signature")),
        sa.UniqueConstraint("agreement_id", "organisation_id", name=op.f("uq_signature_agreement_id_organisation_id")),
    )
    op.create_index(op.f("ix_signature_agreement_id"), "signature", ["agreement_id"])
    op.create_index(op.f("ix_signature_organisation_id"), "signature", ["organisation_id"])
    op.create_index(op.f("ix_signature_user_id"), "signature", ["user_id"])
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("xid", sa.BigInteger(), server_default=sa.text("pg_current_xact_id()::text::bigint"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("opportunity_id", sa.Uuid(), nullable=True),
        sa.Column("consortium_id", sa.Uuid(), nullable=True),
        sa.Column("audience", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("params", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_event_organisation_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_event_user_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index(op.f("ix_event_code"), "event", ["code"])
    op.create_index(op.f("ix_event_consortium_id"), "event", ["consortium_id"])
    op.create_index(op.f("ix_event_opportunity_id"), "event", ["opportunity_id"])
    op.create_index(op.f("ix_event_order"), "event", ["xid", "id"])
    op.create_index(op.f("ix_event_organisation_id"), "event", ["organisation_id"])
    op.create_index(op.f("ix_event_subject_id"), "event", ["subject_id"])
    op.create_index(op.f("ix_event_user_id"), "event", ["user_id"])
    op.create_table(
        "idempotency_key",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", JSONB(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("key ~ '^[A-Za-z0-9_-]{16,255}$'", name=op.f("ck_idempotency_key_key")),
        sa.CheckConstraint("octet_length(fingerprint) = 32", name=op.f("ck_idempotency_key_fingerprint")),
        sa.CheckConstraint("status between 200 and 499", name=op.f("ck_idempotency_key_status")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_idempotency_key_organisation_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("organisation_id", "key", name=op.f("pk_idempotency_key")),
    )


def downgrade() -> None:
    """Drop the tables, newest reference first; the extension stays, since others may use it."""
    for table in TABLES[::-1]:
        op.drop_table(table)
