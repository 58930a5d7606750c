"""The organisation in the emulated Calendly: three reps, one event type each, each with another kind of place."""

from dataclasses import dataclass
from typing import Any

from rehearsal.calendly.errors import not_found
from rehearsal.office_hours import OfficeHours

ORGANIZATION = "REHEARSAL"
_MADE = "2026-01-05T09:00:00.000000Z"


@dataclass(frozen=True)
class Rep:
    """One user with one event type of 30 minutes."""

    user_id: str
    name: str
    slug: str
    zone: str
    event_type_id: str
    location_kind: str
    role: str = "user"
    questions: tuple[dict[str, Any], ...] = ()

    @property
    def email(self) -> str:
        """Address of the user."""
        return f"{self.slug.replace('-', '.')}@rehearsal.test"


def _question(name: str, *, required: bool) -> dict[str, Any]:
    return {
        "name": name,
        "type": "string",
        "position": 0,
        "enabled": True,
        "required": required,
        "answer_choices": [],
        "include_other": False,
    }


REPS = (
    Rep("DANA", "Dana Reyes", "dana-reyes", "America/New_York", "DANA30", "zoom_conference", "owner"),
    Rep("SAM", "Sam Okafor", "sam-okafor", "America/Chicago", "SAM30", "google_conference"),
    Rep(
        *("MIA", "Mia Chen", "mia-chen", "Australia/Sydney", "MIA30", "outbound_call"),
        questions=(_question("Company", required=False),),
    ),
)


class Directory:
    """Who and what there is. Every URI starts with `base_url`."""

    def __init__(self, base_url: str, seed: int) -> None:
        self._base_url = base_url
        self.reps = REPS
        self._office_hours = {rep.user_id: OfficeHours(rep.slug, rep.zone, seed) for rep in REPS}

    def uri(self, *parts: str) -> str:
        """URI of a resource, such as uri("users", "DANA")."""
        return "/".join([self._base_url, *parts])

    @property
    def organization(self) -> str:
        """URI of the organisation."""
        return self.uri("organizations", ORGANIZATION)

    def user_uri(self, rep: Rep) -> str:
        """URI of a rep."""
        return self.uri("users", rep.user_id)

    def event_type_uri(self, rep: Rep) -> str:
        """URI of a rep's event type."""
        return self.uri("event_types", rep.event_type_id)

    def rep_of_user(self, uri_or_id: str) -> Rep:
        """The rep with this user URI, id, or "me" (the owner of the token). Raises CalendlyError (404)."""
        if uri_or_id == "me":
            return self.reps[0]
        return self._rep(uri_or_id, lambda rep: (rep.user_id, self.user_uri(rep)))

    def rep_of_event_type(self, uri_or_id: str) -> Rep:
        """The rep whose event type it is. Raises CalendlyError (404)."""
        return self._rep(uri_or_id, lambda rep: (rep.event_type_id, self.event_type_uri(rep)))

    def office_hours(self, rep: Rep) -> OfficeHours:
        """When the rep works."""
        return self._office_hours[rep.user_id]

    def _rep(self, wanted: str, names: Any) -> Rep:
        for rep in self.reps:
            if wanted in names(rep):
                return rep
        raise not_found()

    # Resources as Calendly shows them

    def user(self, rep: Rep, *, with_organization: bool = True) -> dict[str, Any]:
        """The User resource."""
        shown = {
            "uri": self.user_uri(rep),
            "name": rep.name,
            "slug": rep.slug,
            "email": rep.email,
            "scheduling_url": f"https://calendly.com/{rep.slug}",
            "timezone": rep.zone,
            "avatar_url": None,
            "created_at": _MADE,
            "updated_at": _MADE,
        }
        return {**shown, "current_organization": self.organization} if with_organization else shown

    def membership(self, rep: Rep) -> dict[str, Any]:
        """The OrganizationMembership resource."""
        return {
            "uri": self.uri("organization_memberships", rep.user_id),
            "role": rep.role,
            "user": self.user(rep, with_organization=False),
            "organization": self.organization,
            "created_at": _MADE,
            "updated_at": _MADE,
        }

    def event_type(self, rep: Rep) -> dict[str, Any]:
        """The EventType resource."""
        return {
            "uri": self.event_type_uri(rep),
            "name": "30 Minute Meeting",
            "active": True,
            "slug": "30min",
            "scheduling_url": f"https://calendly.com/{rep.slug}/30min",
            "duration": 30,
            "kind": "solo",
            "kind_description": "One-on-One",
            "pooling_type": None,
            "type": "StandardEventType",
            "booking_method": "instant",
            "color": "#0069ff",
            "created_at": _MADE,
            "updated_at": _MADE,
            "deleted_at": None,
            "internal_note": None,
            "description_plain": None,
            "description_html": None,
            "profile": {"type": "User", "name": rep.name, "owner": self.user_uri(rep)},
            "secret": False,
            "admin_managed": False,
            "custom_questions": list(rep.questions),
            "locations": [{"kind": rep.location_kind}],
        }
