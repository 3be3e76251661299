"""One text for what one reads: the names by which people find each other hold nothing that cannot be seen (P36).

Revision ID: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

COLUMNS = (
    ("organisation", "name"), ("user_account", "name"), ("claim", "name"), ("capability", "phrase"),
    ("opportunity", "title"), ("work_package", "name"), ("consortium", "name"),
)  # fmt: skip
UNSEEN = r"[\u0001-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"


def upgrade() -> None:
    """Add the constraints; every text that the product takes has met them since the first version."""
    for table, column in COLUMNS:
        op.create_check_constraint(
            op.f(f"ck_{table}_{column}_text"), table, f"{column} is nfc normalized and {column} !~ '{UNSEEN}'"
        )


def downgrade() -> None:
    """Drop the constraints."""
    for table, column in COLUMNS:
        op.drop_constraint(op.f(f"ck_{table}_{column}_text"), table)
