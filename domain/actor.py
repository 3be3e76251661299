"""Who asks: the person, the organisation he acts for, and what that organisation is."""

from dataclasses import dataclass
from uuid import UUID

from domain.kinds import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A signed-in person acting for one organisation, or the platform itself (``user_id`` is None)."""

    user_id: UUID | None
    organisation_id: UUID
    roles: frozenset[Role]

    def has(self, role: Role) -> bool:
        """Tell whether the actor's organisation plays `role`.

        >>> from uuid import UUID
        >>> Actor(user_id=None, organisation_id=UUID(int=1), roles=frozenset({Role.BUREAU})).has(Role.BUREAU)
        True
        """
        return role in self.roles
