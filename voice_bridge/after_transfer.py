"""What is said when the carrier gives a call back. Pure."""

from cadenza.domain.standard_lines import Line
from cadenza.domain.transfers import IfUnanswered, TransferState
from cadenza.records.call_context import CallContext
from cadenza.records.call_tables import Transfer


def line_after(transfer: Transfer | None, context: CallContext) -> Line | None:
    """One honest sentence: only what the carrier has told is said. None: nothing is to be said about a transfer."""
    if transfer is None:
        return None
    if not TransferState(transfer.state).is_unanswered:
        return Line.BACK_FROM_TRANSFER
    target = context.policy.transfer_target(transfer.target_id)
    wants_appointment = target is not None and target.if_unanswered is IfUnanswered.APPOINTMENT
    # Without a calendar there is nothing to offer but a call.
    return Line.NOT_CONNECTED_APPOINTMENT if wants_appointment and context.booking else Line.NOT_CONNECTED_CALLBACK
