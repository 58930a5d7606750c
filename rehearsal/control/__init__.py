"""Control of the rehearsal world: faults on order, and the truth about what happened."""
