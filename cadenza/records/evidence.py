"""What a callee was told and heard: the disclosure and the other fixed sentences that the law asks about, as the
journal has them. A sentence is in the journal as far as the carrier's marks proved that it was played."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.standard_lines import Line

EVIDENCE_LINES = (Line.DISCLOSURE, Line.I_AM_AN_AI, Line.REMOVED)
_RECORDING = re.compile(r"\brecord", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Played:
    """An utterance with one of the sentences. `heard` are the words that were played, `was_cut` if some were not."""

    position: int
    at: datetime
    lines: list[str]
    heard: str
    was_cut: bool


@dataclass(frozen=True, slots=True)
class CallEvidence:
    """One call. `disclosure_heard`: its last mark came back; `recording_announced`: words about it were heard.
    `rules_version`: the rules under which it was dialled."""

    call_id: str
    number: int
    submitted_at: datetime | None
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    disclosure_heard: bool
    recording_announced: bool
    voicemail_played_at: datetime | None
    recordings: int
    rules_version: str | None
    transcript_erased: bool
    played: list[Played]


async def read_evidence(session: AsyncSession, lead_ids: list[str]) -> dict[str, list[CallEvidence]]:
    """Of every call of these leads, by lead, oldest first."""
    rows = await session.execute(_CALLS, {"leads": lead_ids})
    calls = rows.mappings().all()
    played = await _played(session, [call["id"] for call in calls])
    found: dict[str, list[CallEvidence]] = {lead_id: [] for lead_id in lead_ids}
    for call in calls:
        found[call["lead_id"]].append(_evidence(call, played.get(call["id"], [])))
    return found


async def keep_evidence(session: AsyncSession, lead_id: str, names: list[str]) -> None:
    """Copy the sentences out of the transcripts of a lead before these are erased; `names` become [name]."""
    for attempt_id, played in (await _played(session, await _attempts(session, lead_id))).items():
        for one in played:
            await session.execute(
                text(
                    "insert into kept_evidence (attempt_id, position, lines, text, interrupted, started_at) "
                    "values (:attempt, :position, to_jsonb(cast(:lines as text[])), :text, :cut, :at) "
                    "on conflict do nothing"
                ),
                {"attempt": attempt_id, "position": one.position, "lines": one.lines,
                 "text": without_names(one.heard, names), "cut": one.was_cut, "at": one.at},
            )  # fmt: skip


def without_names(words: str, names: list[str]) -> str:
    """The words with every name in them replaced."""
    long_enough = {name.strip() for name in names if len(name.strip()) > 1}  # an initial is also a word
    for name in sorted(long_enough, key=len, reverse=True):
        words = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "[name]", words, flags=re.IGNORECASE)
    return words


_CALLS = text(
    """
    select attempt.id, lead_id, number, submitted_at, ringing_at, answered_at, ended_at, outcome, disclosure_heard,
           voicemail_played_at, (select count(*) from recording where attempt_id = attempt.id) as recordings,
           (select details ->> 'rules_version' from audit_entry
            where audit_entry.lead_id = attempt.lead_id and audit_entry.attempt_id = attempt.id
              and kind = 'gate.allowed' and details ->> 'stage' = 'before_post'
            order by audit_entry.id desc limit 1) as rules_version,
           exists (select 1 from kept_evidence where attempt_id = attempt.id) as transcript_erased
    from attempt where lead_id = any(:leads) order by lead_id, number
    """
)


async def _attempts(session: AsyncSession, lead_id: str) -> list[str]:
    rows = await session.execute(text("select id from attempt where lead_id = :lead"), {"lead": lead_id})
    return list(rows.scalars())


async def _played(session: AsyncSession, attempt_ids: list[str]) -> dict[str, list[Played]]:
    """From the journal, and from what was kept of it."""
    rows = await session.execute(
        text(
            """
            select attempt_id, position, started_at, payload -> 'lines' as lines, text, interrupted from turn
            where attempt_id = any(:ids) and speaker = 'agent' and payload -> 'lines' ?| cast(:lines as text[])
            union all
            select attempt_id, position, started_at, lines, text, interrupted from kept_evidence
            where attempt_id = any(:ids)
            order by attempt_id, position
            """
        ),
        {"ids": attempt_ids, "lines": [line.value for line in EVIDENCE_LINES]},
    )
    found: dict[str, list[Played]] = {}
    for row in rows:
        found.setdefault(row.attempt_id, []).append(
            Played(row.position, row.started_at, row.lines, row.text, row.interrupted)
        )
    return found


def _evidence(call: Any, played: list[Played]) -> CallEvidence:
    return CallEvidence(
        call_id=call["id"],
        number=call["number"],
        submitted_at=call["submitted_at"],
        ringing_at=call["ringing_at"],
        answered_at=call["answered_at"],
        ended_at=call["ended_at"],
        outcome=call["outcome"],
        disclosure_heard=call["disclosure_heard"],
        recording_announced=any(_RECORDING.search(one.heard) for one in played),
        voicemail_played_at=call["voicemail_played_at"],
        recordings=call["recordings"],
        rules_version=call["rules_version"],
        transcript_erased=call["transcript_erased"],
        played=played,
    )
