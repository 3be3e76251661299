"""Who asks: the person, the organisation he acts for, and what that organisation is."""

from dataclasses import dataclass
from uuid import UUID

from domain.errors import PersonMayNot
from domain.kinds import Role
from domain.powers import Power

EVERY = frozenset(Power)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A signed-in person acting for one organisation, or the platform itself (``user_id`` is None).

    ``powers`` are those of the person and of the token he uses; the platform itself has every one.
    """

    user_id: UUID | None
    organisation_id: UUID
    roles: frozenset[Role]
    powers: frozenset[Power] = EVERY

    def has(self, role: Role) -> bool:
        """Tell whether the actor's organisation plays `role`.

        >>> from uuid import UUID
        >>> Actor(user_id=None, organisation_id=UUID(int=1), roles=frozenset({Role.BUREAU})).has(Role.BUREAU)
        True
        """
        return role in self.roles

    def may(self, power: Power) -> bool:
        """Tell whether the person himself may do this, whatever his organisation may."""
        return power in self.powers

    def must(self, power: Power) -> None:
        """Let only somebody with `power` pass. Raises PersonMayNot.

        >>> from uuid import UUID
        >>> viewer = Actor(user_id=UUID(int=2), organisation_id=UUID(int=1), roles=frozenset(), powers=frozenset())
        >>> viewer.must(Power.SIGN)
        Traceback (most recent call last):
        domain.errors.PersonMayNot: ('person-may-not', {'power': 'sign'})
        >>> Actor(user_id=None, organisation_id=UUID(int=1), roles=frozenset()).must(Power.SIGN)
        """
        if not self.may(power):
            raise PersonMayNot(power=str(power))
